import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { answerClientError, refuseTunnel } from './client-errors.ts'
import { headFault } from './head.ts'
import { probeHalfClosed } from './half-close.ts'
import { sendRefusal } from './refusal.ts'
import type { ConnectionLimits } from './limits.ts'
import type { HttpServerDeps } from './deps.ts'

interface Connection {
  /** The answers it still owes, oldest first. */
  readonly open: Set<ServerResponse>
  requests: number
}

/**
 * An HTTP server that trusts no connection: heads that two readers could read differently are refused before any route
 * sees them, and every wait and queue has its limit.
 */
export function createHttpServer (handler: RequestListener, deps: HttpServerDeps): Server {
  const { limits } = deps
  const connections = new WeakMap<Socket, Connection>()
  const server = createLimitedServer(limits)

  function accept (request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const connection = connections.get(socket)
    // Requests that came in the same segment are still announced after the connection was cut.
    if (connection === undefined || socket.destroyed) return
    if (connection.open.size >= limits.pipelinedRequestsMax) {
      socket.destroy()
      return
    }
    connection.open.add(response)
    response.once('close', () => {
      connection.open.delete(response)
      // Closing a server ends the connections that are idle then; those that become so later would keep it waiting.
      if (!server.listening && connection.open.size === 0) socket.destroySoon()
    })
    // Node's own maxRequestsPerSocket says it will close, and leaves the closing to the client.
    if (++connection.requests >= limits.requestsPerConnectionMax) response.shouldKeepAlive = false
    const fault = headFault(request, limits)
    if (fault === undefined) handler(request, response)
    else sendRefusal(response, deps.refuse(fault, request.url ?? '/'), { ...deps, connection: 'close' })
  }

  server.on('connection', (socket) => {
    const connection: Connection = { open: new Set(), requests: 0 }
    connections.set(socket, connection)
    socket.once('end', () => probeHalfClosed(socket, connection.open, deps.clock))
  })
  server.on('request', accept)
  server.on('checkExpectation', accept)
  // Without this Node gives leave to send a body before anybody has looked at the head.
  server.on('checkContinue', (request, response) => {
    response.shouldKeepAlive = false
    accept(request, response)
  })
  server.on('connect', (_request, socket) => refuseTunnel(socket, deps))
  server.on('clientError', (error, socket) => {
    answerClientError(error, socket as Socket, { ...deps, owed: [...connections.get(socket as Socket)?.open ?? []] })
  })
  return server
}

function createLimitedServer (limits: ConnectionLimits): Server {
  const server = createServer({
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    maxHeaderSize: limits.headBytesMax,
    insecureHTTPParser: false,
    // A missing Host is refused by our own check, in the caller's words.
    requireHostHeader: false
  })
  server.maxConnections = limits.connectionsMax
  // One more than may come: Node drops what is above without a word.
  server.maxHeadersCount = limits.headersMax + 1
  // Whoever has sent all it wants to say may close its half of the connection and wait for the answer.
  return Object.assign(server, { httpAllowHalfOpen: true })
}
