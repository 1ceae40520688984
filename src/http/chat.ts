import type { FastifyInstance } from 'fastify'
import { createClientReply } from '../relay/client-reply.ts'
import { checkContentLength, checkContentType, headerValues } from './headers.ts'
import { handle } from '../relay/handle.ts'
import { openExchange } from '../relay/exchange.ts'
import { readJsonBody } from '../core/body.ts'
import type { AppDeps } from './deps.ts'
import type { HeaderValues, Protocol } from '../core/protocol.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read, for a key that was good then. */
    callerHeaders: HeaderValues | null
  }
}

/** One route for each chat path of each protocol, all through the same line. */
export function addChatRoutes (app: FastifyInstance, deps: AppDeps): void {
  for (const protocol of deps.protocols) {
    for (const path of protocol.surface.chatPaths) {
      app.post(path, {
        onRequest: async (request, reply) => {
          const headers = headerValues(request.headers)
          await deps.authenticateFresh(headers, request.socket.remoteAddress)
          request.callerHeaders = headers
          checkContentType(headers)
          checkContentLength(headers, request.routeOptions.bodyLimit)
          // Whoever waits for leave to send its body gets it now that nothing but the body can be wrong.
          if (headers['expect'] !== undefined) reply.raw.writeContinue()
        }
      }, async (request, reply) => {
        const headers = request.callerHeaders
        if (headers === null) throw new TypeError('a chat route must authenticate')
        // A body may take its time, and the key may have been revoked meanwhile.
        const principal = deps.authenticate(headers, request.socket.remoteAddress)
        const exchange = openExchange({
          surface: protocol,
          principal,
          catalog: deps.currentCatalog(),
          traceparent: headers['traceparent'],
          reply: createClientReply(reply.raw, request.id)
        }, deps)
        reply.hijack()
        await deps.track(handle(exchange, incoming(protocol, path, headers, request.body), deps), exchange)
      })
    }
  }
}

function incoming (protocol: Protocol, path: string, headers: HeaderValues, body: unknown): Parameters<typeof handle>[1] {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  return { path, headers, readBody: () => readJsonBody(bytes, protocol.surface.recordedMembers) }
}
