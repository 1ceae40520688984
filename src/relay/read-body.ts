import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { UpstreamBody } from '../upstream/send.ts'

export interface ReadLimits {
  readonly bytesMax: number
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** A whole upstream body. @throws GatewayError `upstream_protocol` over the bound, `upstream_timeout`, `client_closed` */
export async function readBody (body: UpstreamBody, { bytesMax, timeoutMs, clock, signal }: ReadLimits): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let bytes = 0
  const give = (error: GatewayError): void => {
    body.abort()
    reject(error)
  }
  const stopTimer = clock.setTimer(timeoutMs, () =>
    give(new GatewayError('upstream_timeout', `The upstream did not finish its answer within ${timeoutMs} ms.`)))
  const onGone = (): void => give(new GatewayError('client_closed', 'The client closed the connection.'))
  if (signal?.aborted === true) onGone()
  else signal?.addEventListener('abort', onGone, { once: true })
  body.flow({
    onData (chunk) {
      bytes += chunk.length
      if (bytes > bytesMax) give(new GatewayError('upstream_protocol', `The upstream's answer is longer than ${bytesMax} bytes.`))
      else chunks.push(chunk)
    },
    onEnd () { resolve(Buffer.concat(chunks)) },
    onError: reject
  })
  try {
    return await promise
  } finally {
    stopTimer()
    signal?.removeEventListener('abort', onGone)
  }
}
