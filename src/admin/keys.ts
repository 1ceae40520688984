import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { assertSound, parse, patched } from './validation.ts'
import { pageOf } from './page.ts'
import { KeySettingsSchema } from '../accounts/account.ts'
import { takeRevision } from './revision.ts'
import { teamOf } from './teams.ts'
import { withFresh } from './fresh.ts'
import type { AdminDeps } from './deps.ts'
import type { ClientKey } from '../accounts/account.ts'

interface TeamParams { Params: { team: string } }
interface KeyParams { Params: { id: string } }

export function addKeyRoutes (scope: FastifyInstance, { directory, newKey, digestOf }: AdminDeps): void {
  scope.get<TeamParams>('/teams/:team/keys', async ({ params, query }) => {
    return await withFresh(directory, () => pageOf(directory.keysOf(teamOf(directory, params.team).id), query, keyBody))
  })

  scope.post<TeamParams>('/teams/:team/keys', async ({ params, body }, reply) => {
    const settings = parse(KeySettingsSchema, body)
    assertSound(settings)
    const { id, secret } = newKey()
    const key = await withFresh(directory, () => {
      return directory.createKey({ id, team: teamOf(directory, params.team).id, digest: digestOf(secret), settings }, undefined)
    })
    return await reply.code(201).header('cache-control', 'no-store').send({ ...keyBody(key), secret })
  })

  scope.get<KeyParams>('/keys/:id', async ({ params }) => await withFresh(directory, () => keyBody(keyOf(params.id))))

  scope.patch<KeyParams>('/keys/:id', async ({ params, body }) => {
    const { changes, assertRevision } = takeRevision(body)
    return await withFresh(directory, async () => {
      const key = keyOf(params.id)
      assertRevision(key)
      const settings = patched(KeySettingsSchema, key.settings, changes)
      assertSound(settings, key.settings)
      return keyBody(await directory.replaceKey(key, { settings }, undefined))
    })
  })

  scope.delete<KeyParams>('/keys/:id', async ({ params }, reply) => {
    await withFresh(directory, () => directory.removeKey(keyOf(params.id), undefined))
    return await reply.code(204).send()
  })

  function keyOf (id: string): ClientKey {
    const key = directory.key(id)
    if (key === undefined) throw new GatewayError('not_found', 'There is no such key.', { param: 'key' })
    return key
  }
}

function keyBody ({ id, team, settings, createdMs, revision }: ClientKey): object {
  return { id, team, prefix: prefixOf(id), ...settings, created_at: new Date(createdMs).toISOString(), revision }
}

/** How the secret begins. The key of the first request may have any form. */
function prefixOf (id: string): string | null {
  return /^[a-z0-9]{8}$/.test(id) ? `sk-dg-${id}-` : null
}
