import { hoisted } from './openapi-schemas.ts'
import { errorResponses, errorSchema, statusesOf } from './openapi-errors.ts'
import { isWrite } from './route.ts'
import type { AdminRoute } from './route.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { Schemas } from './openapi-schemas.ts'

const TAGS: Readonly<Record<string, string>> = {
  teams: 'Tenants, their limits and budgets.',
  keys: 'What a team\'s clients send.',
  explain: 'A dry run of the limits.',
  models: 'What is served, and at which price.',
  upstreams: 'Who serves it, and with which keys.',
  tokens: 'Who may use this API.',
  audit: 'Who did what.',
  config: 'The configuration file.',
  usage: 'What was used.',
  requests: 'Single requests, and what became of them.',
  organization: 'Usage in the form of OpenAI\'s API.'
}

const DESCRIPTION = `Teams, keys, limits, usage and everything else that is set or seen while the gateway runs.

A token goes along as \`Authorization: Bearer <token>\`. Lists come by pages: \`limit\` and \`cursor\`, \`has_more\` and \`next_cursor\`.
A write may carry an \`Idempotency-Key\`: sent again within a day, it is not done again, and its first answer comes back.
Every error is \`{"error": {"code", "message", "field"}}\`, with the field at fault where there is one.`

/** The description of all these routes, as OpenAPI 3.1 has it. */
export function openApiDocument (routes: readonly AdminRoute[], version: string): JsonObject {
  const schemas: Schemas = new Map()
  const error = hoisted(errorSchema, schemas)
  const paths: Record<string, Record<string, JsonValue>> = {}
  for (const route of routes) (paths[templateOf(route.path)] ??= {})[route.method.toLowerCase()] = operationOf(route, schemas)
  const used = new Set(routes.map(tagOf))
  return {
    openapi: '3.1.0',
    info: { title: 'DashGate admin API', version, description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/', description: 'The admin listener.' }],
    security: [{ token: [] }],
    tags: Object.entries(TAGS).filter(([name]) => used.has(name)).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'The root token, or one that was made with POST /admin/v1/tokens.' } },
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
      headers: { IdempotentReplayed: IDEMPOTENT_REPLAYED },
      responses: errorResponses(error),
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => a < b ? -1 : 1))
    }
  }
}

const IDEMPOTENCY_KEY: JsonObject = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A text of the caller\'s, new for each write. Whoever sends the same write with it again within a day gets the first answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: '0f8b6c9e-1c5e-4d53-9a0e-1f6a0f8b6c9e'
}

const IDEMPOTENT_REPLAYED: JsonObject = {
  description: 'The answer is that of an earlier request with the same Idempotency-Key.', schema: { type: 'string', enum: ['true'] }
}

function operationOf (route: AdminRoute, schemas: Schemas): JsonObject {
  const { operationId, summary, body, bodyShown = body, examples } = route
  const parameters = [...parametersOf(route, 'path', schemas), ...parametersOf(route, 'query', schemas), ...idempotencyOf(route)]
  const errors = statusesOf(route).map(([status, name]): [string, JsonValue] => [status, { $ref: `#/components/responses/${name}` }])
  return {
    operationId,
    tags: [tagOf(route)],
    summary,
    description: [route.description, `Roles: ${rolesOf(route)}.`].filter((text) => text !== undefined).join(' '),
    ...parameters.length === 0 ? {} : { parameters },
    ...bodyShown === undefined ? {} : { requestBody: requestBodyOf(hoisted(bodyShown, schemas), examples?.body) },
    responses: { [String(route.status ?? 200)]: answerOf(route, schemas), ...Object.fromEntries(errors) }
  }
}

function requestBodyOf (schema: JsonObject, example: object | undefined): JsonObject {
  return { required: true, content: { 'application/json': { schema, ...example === undefined ? {} : { example: example as JsonObject } } } }
}

function answerOf (route: AdminRoute, schemas: Schemas): JsonObject {
  const { reply, exports = [], examples } = route
  const headers = isWrite(route) ? { headers: { 'Idempotent-Replayed': { $ref: '#/components/headers/IdempotentReplayed' } } } : {}
  if (reply === null) return { description: 'It is done.', ...headers }
  const example = examples?.reply === undefined ? {} : { example: examples.reply as JsonObject }
  const json: [string, JsonObject] = ['application/json', { schema: hoisted(reply, schemas), ...example }]
  const others = exports.map((type): [string, JsonObject] => [type, { schema: { type: 'string' } }])
  return { description: route.status === 201 ? 'It is made.' : 'The answer.', ...headers, content: Object.fromEntries([json, ...others]) }
}

function idempotencyOf (route: AdminRoute): JsonObject[] {
  return isWrite(route) ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []
}

function parametersOf (route: AdminRoute, place: 'path' | 'query', schemas: Schemas): JsonObject[] {
  const given = place === 'path' ? route.params : route.query
  if (given === undefined) return []
  const { properties = {}, required = [] } = hoisted(given, schemas) as ObjectSchema
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name, in: place, required: required.includes(name), ...description === undefined ? {} : { description }, schema
  }))
}

interface ObjectSchema { readonly properties?: Readonly<Record<string, JsonObject>>, readonly required?: readonly string[] }

function rolesOf ({ access }: AdminRoute): string {
  return ['admin', access.team === 'own' ? 'team, for its own' : '', access.viewer ? 'viewer' : ''].filter((role) => role !== '').join('; ')
}

/** `/admin/v1/teams/:team/keys` is about keys, and `/v1/organization/costs` about the organization. */
function tagOf ({ path }: AdminRoute): string {
  if (path.startsWith('/v1/')) return path.split('/')[2] ?? ''
  const names = path.split('/').slice(3).filter((part) => Object.hasOwn(TAGS, part))
  return path.includes('/upstreams') ? 'upstreams' : names.at(-1) ?? ''
}

/** `/teams/:team` → `/teams/{team}`. */
function templateOf (path: string): string {
  return path.replace(/:(\w+)/g, '{$1}')
}
