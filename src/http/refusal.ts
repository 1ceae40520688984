import type { ServerResponse } from 'node:http'
import { errorHeaders } from '../relay/client-reply.ts'
import { protocolFor } from './surfaces.ts'
import type { Clock } from '../core/clock.ts'
import type { ConnectionLimits } from './limits.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Ids } from '../core/clock.ts'
import type { Protocol } from '../core/protocol.ts'

/** An error as it goes out, whole. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Words an error for whoever asked for `url`, known route or not. */
export type Refuse = (error: GatewayError, url: string) => Refusal

export interface RefuseDeps {
  readonly ids: Ids
  /** Told of everything that is refused outside an exchange: such requests have no record of their own. */
  readonly refused: (error: GatewayError) => void
}

export function createRefuse (protocols: readonly Protocol[], { ids, refused }: RefuseDeps): Refuse {
  return (error, url) => {
    refused(error)
    const requestId = ids.requestId()
    const { status, body } = protocolFor(url, protocols).surface.renderError(error, requestId)
    const headers = { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId, ...errorHeaders(error) }
    return { status, headers: { ...headers, 'content-length': String(body.length) }, body }
  }
}

export interface RefusalDeps {
  readonly clock: Clock
  readonly limits: ConnectionLimits
  /** `close` where what follows on the connection is not to be trusted. */
  readonly connection: 'keep-alive' | 'close'
}

/**
 * Sends a refusal once. Where the body is still on its way the connection is given up, but not at once: closing on
 * unread bytes resets the connection, and the sender would lose the answer that explains why.
 */
export function sendRefusal (response: ServerResponse, refusal: Refusal, { clock, limits, connection }: RefusalDeps): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { req: request } = response
  if (connection === 'close' || !request.complete) response.setHeader('connection', 'close')
  response.writeHead(refusal.status, { ...refusal.headers })
  if (request.complete) {
    response.end(refusal.body)
    return
  }
  response.write(refusal.body)
  let unreadBytesMax = limits.lingerBytesMax
  const stopTimer = clock.setTimer(limits.lingerTimeoutMs, () => response.end())
  const hangUp = (): void => {
    stopTimer()
    response.end()
  }
  request.on('data', (chunk: Buffer) => {
    unreadBytesMax -= chunk.length
    if (unreadBytesMax < 0) hangUp()
  })
  request.once('close', hangUp)
}
