import Type from 'typebox'
import type { Static } from 'typebox'
import { ADMIN_ALONE, defineRoute } from './route.ts'
import { closed, InstantSchema, PageSchema, pageReply } from './schemas.ts'
import { GatewayError, invalidParameter } from '../core/errors.ts'
import { instantMs } from '../core/instant.ts'
import { pageOf } from './page.ts'
import { ROLES, TeamIdSchema } from '../accounts/account.ts'
import { teamOf } from './teams.ts'
import { withFresh } from './fresh.ts'
import type { AdminRoute } from './route.ts'
import type { AdminToken } from '../accounts/account.ts'

const NewTokenSchema = Type.Object({
  role: Type.Enum([...ROLES], { description: 'admin may do everything, team sees to one team, viewer reads.' }),
  team: Type.Optional(Type.String({ ...TeamIdSchema, description: 'Of the role team: the team that is seen to.' })),
  name: Type.Optional(Type.String({ description: 'For people.', maxLength: 128 })),
  expires_at: Type.Optional(Type.String({ description: 'ISO 8601 time from which the token is dead. Default: never.', maxLength: 64 }))
}, { ...closed, title: 'NewToken' })

const tokenMembers = {
  id: Type.String(),
  prefix: Type.String({ description: 'How the token begins.' }),
  ...NewTokenSchema.properties,
  created_at: InstantSchema
}

const TokenSchema = Type.Object(tokenMembers, { ...closed, title: 'Token' })
const MadeTokenSchema = Type.Object({
  ...tokenMembers, token: Type.String({ description: 'What goes behind "Bearer". It is shown here and never again.' })
}, { ...closed, title: 'TokenWithSecret' })
const TokenParamsSchema = Type.Object({ id: Type.String({ description: 'The id of a token.' }) })

export const TOKEN_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/tokens',
    operationId: 'listTokens',
    summary: 'The tokens of this API, by id. The one of the configuration is not among them.',
    access: ADMIN_ALONE,
    query: PageSchema,
    reply: pageReply(TokenSchema),
    handler: ({ query }, { directory }) => pageOf(directory.tokens(), query, tokenBody)
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/tokens',
    operationId: 'createToken',
    summary: 'Make a token for this API. It is shown only in this answer.',
    access: ADMIN_ALONE,
    object: 'token',
    body: NewTokenSchema,
    examples: { body: { role: 'team', team: 'search', name: 'Ada', expires_at: '2027-01-01T00:00:00Z' } },
    reply: MadeTokenSchema,
    status: 201,
    async handler ({ body, actor }, { directory, newToken, digestOf, clock }) {
      assertSoundToken(body, clock.nowMs())
      const { role, team, name, expires_at: expiresAt } = body
      const { id, secret } = newToken()
      const made = await withFresh(directory, () => {
        if (team !== undefined) teamOf(directory, team)
        return directory.createToken({ id, role, team, name, digest: digestOf(secret), expiresAt }, actor)
      })
      return { ...tokenBody(made), token: secret }
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/admin/v1/tokens/:id',
    operationId: 'revokeToken',
    summary: 'Revoke a token.',
    access: ADMIN_ALONE,
    object: 'token::id',
    params: TokenParamsSchema,
    reply: null,
    status: 204,
    async handler ({ params, actor }, { directory }) {
      await withFresh(directory, () => {
        const token = directory.token(params.id)
        if (token === undefined) throw new GatewayError('not_found', 'There is no such token.', { param: 'token' })
        return directory.removeToken(token, actor)
      })
      return undefined
    }
  })
]

/** @throws GatewayError `invalid_request` */
function assertSoundToken ({ role, team, expires_at: expiresAt }: Static<typeof NewTokenSchema>, nowMs: number): void {
  if (role === 'team' && team === undefined) throw invalidParameter('team', 'team is required for the role team.')
  if (role !== 'team' && team !== undefined) throw invalidParameter('team', `team has no meaning for the role ${role}.`)
  if (expiresAt === undefined) return
  const expiryMs = instantMs(expiresAt)
  if (expiryMs === undefined) throw invalidParameter('expires_at', 'expires_at must be a time with its offset, such as 2027-05-22T00:00:00+08:00.')
  if (expiryMs <= nowMs) throw invalidParameter('expires_at', 'expires_at is over already.')
}

function tokenBody ({ id, role, team, name, expiresAt, createdMs }: AdminToken): object {
  return {
    id,
    prefix: `dga-${id}-`,
    role,
    ...team === undefined ? {} : { team },
    ...name === undefined ? {} : { name },
    ...expiresAt === undefined ? {} : { expires_at: expiresAt },
    created_at: new Date(createdMs).toISOString()
  }
}
