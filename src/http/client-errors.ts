import { STATUS_CODES } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { GatewayError } from '../core/errors.ts'
import { sendRefusal } from './refusal.ts'
import type { ErrorKind } from '../core/errors.ts'
import type { HttpServerDeps } from './deps.ts'
import type { Refusal } from './refusal.ts'

const KINDS: Readonly<Record<string, readonly [ErrorKind, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The request line and headers are larger than this gateway accepts.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['request_too_large', 'The chunk extensions are larger than this gateway accepts.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request did not arrive in time.']
}

export interface ClientErrorDeps extends HttpServerDeps {
  /** The answers its connection still owes, oldest first. */
  readonly owed: readonly ServerResponse[]
}

/** Answers bytes that are no HTTP request, once, and hangs up. What follows them cannot be read as anything. */
export function answerClientError (error: Error, socket: Socket, deps: ClientErrorDeps): void {
  const { code, rawPacket } = error as NodeJS.ErrnoException & { readonly rawPacket?: Buffer }
  const [kind, message] = KINDS[code ?? ''] ?? ['invalid_request', 'The request is not valid HTTP.']
  const isFraming = code !== undefined && (code in KINDS || code.startsWith('HPE_'))
  const { owed } = deps
  const broken = owed.find((response) => !response.req.complete)
  if (!isFraming || !socket.writable || owed.length > (broken === undefined ? 0 : 1)) {
    // Nobody is listening any more, or an older request is owed the next answer and would take this one for its own.
    socket.destroy()
    return
  }
  const refusal = deps.refuse(new GatewayError(kind, message, { cause: error }), broken?.req.url ?? urlOf(rawPacket))
  if (broken === undefined) socket.end(rawReply(refusal))
  else if (!broken.headersSent) sendRefusal(broken, refusal, { ...deps, connection: 'close' })
  socket.destroySoon()
}

/** Answers CONNECT, which comes with a socket and no response: nothing is ever tunnelled. */
export function refuseTunnel (socket: Duplex, { refuse }: HttpServerDeps): void {
  socket.on('error', () => socket.destroy())
  socket.end(rawReply(refuse(new GatewayError('method_not_allowed', 'Request method \'CONNECT\' is not supported.'), '/')))
}

const URL_CHARACTERS_MAX = 2_048

/** The URL in a request's first line, where that much can be read. */
function urlOf (packet: Buffer | undefined): string {
  return /^[A-Z]+ (\/\S*)/.exec(packet?.toString('latin1', 0, URL_CHARACTERS_MAX) ?? '')?.[1] ?? '/'
}

function rawReply ({ status, headers, body }: Refusal): Buffer {
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`), body])
}
