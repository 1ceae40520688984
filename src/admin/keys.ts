import Type from 'typebox'
import { ADMIN_ALONE, defineRoute, READ_OF_OWN_TEAM, WRITE_OF_OWN_TEAM } from './route.ts'
import { assertSound, patched } from './validation.ts'
import { changeShown, ChangeSchema, closed, InstantSchema, KeyParamsSchema, orNull, PageSchema, pageReply, TeamParamsSchema } from './schemas.ts'
import { KEY_IN_PATH, missingKey, TEAM_IN_PATH } from './owners.ts'
import { pageOf } from './page.ts'
import { KeySettingsSchema } from '../accounts/account.ts'
import { takeRevision } from './revision.ts'
import { teamOf } from './teams.ts'
import { withFresh } from './fresh.ts'
import type { AdminRoute } from './route.ts'
import type { ClientKey } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'

const keyMembers = {
  id: Type.String(),
  team: Type.String(),
  prefix: orNull(Type.String({ description: 'How its secret begins; null for one that was given otherwise.' })),
  ...KeySettingsSchema.properties,
  former: Type.Array(Type.Object({ until: InstantSchema }, closed), { description: 'Older secrets that still work, and until when.' }),
  created_at: InstantSchema,
  revision: Type.Integer({ minimum: 1 })
}

const KeySchema = Type.Object(keyMembers, { ...closed, title: 'Key' })
const NewKeySchema = Type.Object({
  ...keyMembers, secret: Type.String({ description: 'What clients send. It is shown here and never again.' })
}, { ...closed, title: 'KeyWithSecret' })

const GRACE_SECONDS_DEFAULT = 3_600

const RotationSchema = Type.Object({
  grace_seconds: Type.Optional(Type.Integer({
    description: `How long the secret before goes on working; 0 ends it, and all older ones, at once. Default: ${GRACE_SECONDS_DEFAULT}.`,
    minimum: 0,
    maximum: 2_592_000
  }))
}, { ...closed, title: 'Rotation' })

export const KEY_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/teams/:team/keys',
    operationId: 'listKeys',
    summary: 'The keys of a team, by id.',
    access: READ_OF_OWN_TEAM,
    owner: TEAM_IN_PATH,
    params: TeamParamsSchema,
    query: PageSchema,
    reply: pageReply(KeySchema),
    handler: ({ params, query }, { directory }) => {
      const bodyOf = (key: ClientKey): object => keyBody(key, directory)
      return withFresh(directory, () => pageOf(directory.keysOf(teamOf(directory, params.team).id), query, bodyOf))
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/teams/:team/keys',
    operationId: 'createKey',
    summary: 'Make a key. The answer has its secret, which is shown only here.',
    access: ADMIN_ALONE,
    object: 'team::team',
    params: TeamParamsSchema,
    body: KeySettingsSchema,
    examples: { body: { name: 'CI', expires_at: '2027-01-01T00:00:00Z', concurrent_requests: 10 } },
    reply: NewKeySchema,
    status: 201,
    async handler ({ params, body: settings, actor }, { directory, newKey, digestOf }) {
      assertSound(settings)
      const { id, secret } = newKey()
      const key = await withFresh(directory, () => {
        return directory.createKey({ id, team: teamOf(directory, params.team).id, digest: digestOf(secret), settings }, actor)
      })
      return { ...keyBody(key, directory), secret }
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/admin/v1/keys/:id',
    operationId: 'getKey',
    summary: 'One key.',
    access: READ_OF_OWN_TEAM,
    owner: KEY_IN_PATH,
    params: KeyParamsSchema,
    reply: KeySchema,
    handler: ({ params }, { directory }) => withFresh(directory, () => keyBody(keyOf(directory, params.id), directory))
  }),
  defineRoute({
    method: 'PATCH',
    path: '/admin/v1/keys/:id',
    operationId: 'updateKey',
    summary: 'Change what is set of a key. What is left out stays, and null takes away.',
    access: ADMIN_ALONE,
    object: 'key::id',
    params: KeyParamsSchema,
    body: ChangeSchema,
    bodyShown: changeShown('KeyChange', KeySettingsSchema),
    reply: KeySchema,
    async handler ({ params, body, actor }, { directory }) {
      const { changes, assertRevision } = takeRevision(body)
      return await withFresh(directory, async () => {
        const key = keyOf(directory, params.id)
        assertRevision(key)
        const settings = patched(KeySettingsSchema, key.settings, changes)
        assertSound(settings, key.settings)
        return keyBody(await directory.replaceKey(key, { settings }, actor), directory)
      })
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/admin/v1/keys/:id',
    operationId: 'revokeKey',
    summary: 'Revoke a key: within a second no gateway lets anybody in by it.',
    access: ADMIN_ALONE,
    object: 'key::id',
    params: KeyParamsSchema,
    reply: null,
    status: 204,
    async handler ({ params, actor }, { directory }) {
      await withFresh(directory, () => directory.removeKey(keyOf(directory, params.id), actor))
      return undefined
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/keys/:id/rotate',
    operationId: 'rotateKey',
    summary: 'Give a key another secret. The one before goes on working for a while, so that no request fails.',
    access: WRITE_OF_OWN_TEAM,
    owner: KEY_IN_PATH,
    object: 'key::id',
    params: KeyParamsSchema,
    body: RotationSchema,
    examples: { body: { grace_seconds: 86_400 } },
    reply: NewKeySchema,
    async handler ({ params, body, actor }, { directory, newKey, digestOf }) {
      const graceMs = (body.grace_seconds ?? GRACE_SECONDS_DEFAULT) * 1_000
      const { secret } = newKey(params.id)
      const rotation = { digest: digestOf(secret), graceMs }
      const key = await withFresh(directory, () => directory.rotateKey(keyOf(directory, params.id), rotation, actor))
      return { ...keyBody(key, directory), prefix: `sk-dg-${key.id}-`, secret }
    }
  })
]

function keyOf (directory: Directory, id: string): ClientKey {
  const key = directory.key(id)
  if (key === undefined) throw missingKey()
  return key
}

function keyBody (key: ClientKey, directory: Directory): object {
  const { id, team, settings, createdMs, revision } = key
  const former = directory.formerOf(key).map(({ untilMs }) => ({ until: new Date(untilMs).toISOString() }))
  return { id, team, prefix: prefixOf(id), ...settings, former, created_at: new Date(createdMs).toISOString(), revision }
}

/** How the secret begins. The key of the first request may have any form. */
function prefixOf (id: string): string | null {
  return /^[a-z0-9]{8}$/.test(id) ? `sk-dg-${id}-` : null
}
