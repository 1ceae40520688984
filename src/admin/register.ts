import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { assertOwner, assertRole } from './access.ts'
import { createAdminAuthenticate } from './auth.ts'
import { createAuditRefusal } from './refusals.ts'
import { createErrorHandler, gatewayErrorOf, refuseUnknown } from './errors.ts'
import { GatewayError } from '../core/errors.ts'
import { isWrite } from './route.ts'
import { listRoutes, methodsAt } from '../http/routes.ts'
import { parse } from './validation.ts'
import type { AdminDeps } from './deps.ts'
import type { AdminRoute } from './route.ts'
import type { Progress } from './refusals.ts'

const NOTHING = Type.Object({}, { additionalProperties: false })

/** The first parts of all paths that need a token. */
const PREFIXES = ['/admin/v1', '/v1/organization']

/**
 * Puts routes up and everything that each of them needs: who asks, whether he may, whether what he sends is sound, and an
 * entry in the audit log for what he did not get.
 */
export async function addRoutes (scope: FastifyInstance, routes: readonly AdminRoute[], deps: AdminDeps): Promise<void> {
  const authenticate = await createAdminAuthenticate(scope, deps)
  const auditRefusal = createAuditRefusal(deps)
  const answerError = createErrorHandler(deps)
  const progresses = new WeakMap<FastifyRequest, Progress>()
  const progressOf = (request: FastifyRequest): Progress => progresses.get(request) ?? { route: undefined, outcome: 'failed' }

  scope.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-request-id', request.id)
    const progress: Progress = { route: (request.routeOptions.config as RouteConfig).route, outcome: 'denied' }
    progresses.set(request, progress)
    progress.actor = await authenticate(request)
    if (progress.route !== undefined) assertRole(progress.route, progress.actor)
    progress.outcome = 'failed'
  })
  scope.setErrorHandler(async (caught, request, reply) => {
    const error = gatewayErrorOf(caught)
    await auditRefusal(error, progressOf(request), request)
    answerError(error, request, reply)
    return reply
  })
  for (const prefix of PREFIXES) {
    const own = routes.filter(({ path }) => path.startsWith(`${prefix}/`))
    void scope.register(async (part) => {
      part.addContentTypeParser('application/json', { parseAs: 'string' }, part.getDefaultJsonParser('error', 'error'))
      // Here too, so that nothing is said of any route to whoever has no token.
      answerOtherMethods(part)
      for (const route of own) {
        part.route({
          method: route.method,
          url: route.path.slice(prefix.length),
          config: { route },
          handler: (request, reply) => answer(route, { request, reply, progress: progressOf(request), deps })
        })
      }
    }, { prefix })
  }
}

interface RouteConfig { readonly route?: AdminRoute }

/** What has no route is said not to be there, or to be asked otherwise. */
function answerOtherMethods (part: FastifyInstance): void {
  const listed = listRoutes(part)
  part.setNotFoundHandler((request, reply) => {
    const allowed = [...new Set(methodsAt(listed, request.url))]
    if (allowed.length === 0) return refuseUnknown()
    reply.header('allow', allowed.join(', '))
    // No header of CORS goes with it: tokens have no place in the pages of other sites.
    if (request.method === 'OPTIONS') return reply.code(204).send()
    throw new GatewayError('method_not_allowed', `Request method '${request.method}' is not supported. Use ${allowed.join(' or ')}.`)
  })
}

interface Asking {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly progress: Progress
  readonly deps: AdminDeps
}

async function answer (route: AdminRoute, { request, reply, progress, deps }: Asking): Promise<FastifyReply> {
  const { actor } = progress
  if (actor === undefined) throw new Error('a route was reached without a token')
  const asked = {
    params: parse(route.params ?? Type.Unknown(), request.params),
    query: parse(route.query ?? NOTHING, request.query),
    body: bodyOf(route, request),
    actor,
    reply
  }
  progress.outcome = 'denied'
  await assertOwner(route, asked, deps.directory)
  progress.outcome = 'failed'
  const key = isWrite(route) ? request.headers['idempotency-key'] : undefined
  if (key === undefined) {
    const body = await route.handler(asked, deps)
    return reply.sent ? reply : await reply.code(statusOf(route)).send(body)
  }
  const write = { actor: actor.id, key: String(key), request: { method: route.method, path: request.url, body: asked.body } }
  const { status, body, isReplayed } = await deps.idempotency.once(write, async () => {
    return { status: statusOf(route), body: await route.handler(asked, deps) }
  })
  if (isReplayed) reply.header('idempotent-replayed', 'true')
  return await reply.code(status).send(body)
}

function statusOf ({ status = 200 }: AdminRoute): number {
  return status
}

/** A body that is left out is one without members. */
function bodyOf (route: AdminRoute, { body }: FastifyRequest): unknown {
  if (route.body !== undefined) return parse(route.body, body === undefined ? {} : body)
  if (body !== undefined) throw new GatewayError('invalid_request', 'This route takes no body.')
  return undefined
}
