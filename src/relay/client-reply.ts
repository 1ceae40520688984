import type { ServerResponse } from 'node:http'
import type { GatewayError } from '../core/errors.ts'
import type { Surface } from '../core/protocol.ts'

/**
 * The client's side of one exchange. The head is held until the first byte is written, so that a failure before it is
 * still a proper HTTP status; there is no way to answer twice.
 */
export interface ClientReply {
  readonly requestId: string
  readonly headSent: boolean
  /** The status the client was answered with; undefined before the head. */
  readonly status: number | undefined
  /** Aborted when the client leaves before the answer has ended. */
  readonly gone: AbortSignal
  /** Headers that go out with the head, whatever it will be. */
  setHeader (name: string, value: string): void
  /** A whole answer. */
  send (status: number, contentType: string, body: Buffer): void
  /** Bytes of a stream; false asks to wait for `onDrain` before writing more. */
  write (bytes: Buffer): boolean
  onDrain (action: () => void): void
  end (): void
  /** Ends a connection on which nothing more can be said. */
  destroy (): void
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no'
}

/** A client that takes no byte for this long is cut: whoever writes to it is waiting, and so is what it holds open. */
export const WRITE_STALL_TIMEOUT_MS = 60_000

export function createClientReply (
  response: ServerResponse, requestId: string, { writeStallTimeoutMs = WRITE_STALL_TIMEOUT_MS } = {}
): ClientReply {
  const gone = new AbortController()
  response.setHeader('x-request-id', requestId)
  response.on('close', () => { if (!response.writableFinished) gone.abort() })
  // A write to a socket the client has closed is reported here and by 'close'; the latter is the one acted upon.
  response.on('error', () => gone.abort())
  return {
    requestId,
    get headSent () { return response.headersSent },
    get status () { return response.headersSent ? response.statusCode : undefined },
    gone: gone.signal,
    setHeader (name, value) { response.setHeader(name, value) },
    send (status, contentType, body) {
      response.writeHead(status, { 'content-type': contentType, 'content-length': body.length })
      finish(body)
    },
    write (bytes) {
      if (!response.headersSent) response.writeHead(200, STREAM_HEADERS)
      return response.write(bytes)
    },
    onDrain (action) { response.on('drain', action) },
    end () { finish() },
    destroy () { response.destroy() }
  }

  /** All has been said. What the client has not taken yet is given as long as it goes on taking. */
  function finish (body?: Buffer): void {
    response.setTimeout(writeStallTimeoutMs, () => response.destroy())
    response.end(body)
  }
}

const RETRY_AFTER_SECONDS_MAX = 60

/** What a client is told beside an error's words: when to come again, and when not to. */
export function errorHeaders (error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = {}
  if (error.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(error.retryAfterMs / 1000))))
  }
  // Official clients repeat every 429; waiting a minute does not refill a spent quota.
  if (error.kind === 'budget_exhausted') headers['x-should-retry'] = 'false'
  return headers
}

/** Answers with an error in the words of the client's protocol. Once the head is out, all that is left is to hang up. */
export function sendError (reply: ClientReply, surface: Surface, error: GatewayError): void {
  if (error.kind === 'client_closed' || reply.headSent) {
    reply.destroy()
    return
  }
  for (const [name, value] of Object.entries(errorHeaders(error))) reply.setHeader(name, value)
  const { status, body } = surface.renderError(error, reply.requestId)
  reply.send(status, 'application/json; charset=utf-8', body)
}
