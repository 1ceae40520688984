import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { pathOf, protocolFor } from './surfaces.ts'
import type { Protocol } from '../core/protocol.ts'

export interface Route { readonly method: string, readonly path: string }

/** Keeps a list of every route added from now on. */
export function listRoutes (app: FastifyInstance): readonly Route[] {
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, path }) => {
    for (const one of [method].flat()) routes.push({ method: one, path })
  })
  return routes
}

/** The methods a URL can be asked with; none where there is no such path. */
export function methodsAt (routes: readonly Route[], url: string): string[] {
  const segments = pathOf(url).split('/')
  return routes.filter(({ path }) => {
    const pattern = path.split('/')
    return pattern.length === segments.length && pattern.every((part, place) => part.startsWith(':') || part === segments[place])
  }).map(({ method }) => method)
}

/** The methods that a path of ours could have; all others, such as TRACE, are refused wherever they are tried. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])
const SHOWN_CHARACTERS_MAX = 120

/** Why a request met no route, with a hint where one can be given. */
export function routeFault (
  request: { readonly method: string, readonly url: string }, allowed: readonly string[], protocols: readonly Protocol[]
): GatewayError {
  const { method } = request
  const path = pathOf(request.url)
  if (allowed.length > 0) return notAllowed(method, `Use ${allowed.join(' or ')}.`)
  if (!METHODS.has(method)) return notAllowed(method, 'No route here has it.')
  const { chatPaths } = protocolFor(path, protocols).surface
  const last = path.split('/').at(-1) ?? ''
  const hint = chatPaths.find((candidate) => last !== '' && candidate.endsWith(`/${last}`)) ?? chatPaths[0]
  return new GatewayError('not_found', `There is no ${method} ${path.slice(0, SHOWN_CHARACTERS_MAX)} here. Did you mean POST ${hint}?`)
}

function notAllowed (method: string, hint: string): GatewayError {
  return new GatewayError('method_not_allowed', `Request method '${method}' is not supported. ${hint}`)
}
