import Type from 'typebox'
import { ADMIN_ALONE, defineRoute, READ_OF_ANY_TEAM } from './route.ts'
import { closed, listReply } from './schemas.ts'
import { GatewayError } from '../core/errors.ts'
import { untouched, withDrain, withKey, withKeyDrain, withoutKey } from '../accounts/upstream-changes.ts'
import { withFresh } from './fresh.ts'
import type { Actor } from '../accounts/actor.ts'
import type { AdminDeps } from './deps.ts'
import type { AdminRoute } from './route.ts'
import type { KeyState } from '../upstream/keyring.ts'
import type { Upstream } from '../core/catalog.ts'
import type { UpstreamDraft } from '../accounts/directory.ts'

// Where an upstream is can be said in the configuration file alone: whoever has a token can send nothing anywhere else.

const KeyStateSchema = Type.Object({
  id: Type.String({ description: 'The key\'s fingerprint: the first 12 hexadecimal digits of its SHA-256.' }),
  origin: Type.Enum(['configured', 'stored'], { description: 'From the configuration file, or added here.' }),
  state: Type.Enum(['active', 'drained', 'unreadable']),
  in_flight: Type.Integer({ minimum: 0, description: 'Calls under way with it, from this gateway.' }),
  weight: Type.Integer({ minimum: 1 })
}, { ...closed, title: 'UpstreamKey' })

const UpstreamSchema = Type.Object({
  name: Type.String(),
  protocol: Type.String(),
  base_url: Type.String(),
  drained: Type.Boolean({ description: 'Nothing new is sent there.' }),
  models: Type.Array(Type.String(), { description: 'The models that may be served there.' }),
  keys: Type.Array(KeyStateSchema)
}, { ...closed, title: 'Upstream' })

const NewUpstreamKeySchema = Type.Object({
  key: Type.String({ description: 'The secret key. No answer ever shows it.', pattern: '^[\\x21-\\x7e]{8,512}$' }),
  weight: Type.Optional(Type.Integer({ description: 'Its share of the requests among its siblings. Default: 1.', minimum: 1, maximum: 1_000 })),
  workspace: Type.Optional(Type.String({ description: 'DashScope workspace its requests are sent for.', pattern: '^[\\x21-\\x7e]{1,128}$' }))
}, { ...closed, title: 'NewUpstreamKey' })

const DrainSchema = Type.Object({
  drained: Type.Boolean({ description: 'true: nothing new is sent, and what is under way goes on. false: it is used again.' })
}, { ...closed, title: 'Drain' })

const UpstreamParamsSchema = Type.Object({ name: Type.String({ description: 'The name of an upstream.' }) })
const UpstreamKeyParamsSchema = Type.Object({
  ...UpstreamParamsSchema.properties, id: Type.String({ description: 'The id of one of its keys.' })
})

export const UPSTREAM_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/upstreams',
    operationId: 'listUpstreams',
    summary: 'The upstreams that serve models, and the state of their keys. No key is shown.',
    access: READ_OF_ANY_TEAM,
    reply: listReply(UpstreamSchema),
    handler: (_request, deps) => ({ data: upstreamsOf(deps).map((upstream) => upstreamBody(upstream, deps)) })
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/upstreams/:name/keys',
    operationId: 'addUpstreamKey',
    summary: 'Add a key to an upstream\'s pool. It is stored encrypted.',
    access: ADMIN_ALONE,
    object: 'upstream::name',
    params: UpstreamParamsSchema,
    body: NewUpstreamKeySchema,
    examples: { body: { key: 'sk-0123456789abcdef', weight: 2 } },
    reply: KeyStateSchema,
    status: 201,
    async handler ({ params, body: { key, weight = 1, workspace }, actor }, deps) {
      const upstream = upstreamOf(params.name, deps)
      const sealed = deps.sealKey(upstream.name, key)
      if (upstream.keys.some(({ id }) => id === sealed.id)) {
        throw new GatewayError('conflict', `The upstream is configured with the key ${sealed.id} already.`)
      }
      const stored = { ...sealed, weight, createdMs: deps.clock.nowMs(), ...workspace === undefined ? {} : { workspace } }
      await change(upstream, { actor, deps, changed: (draft) => withKey(draft, stored) })
      return keyBody(keyStateOf(upstream, sealed.id, deps))
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/admin/v1/upstreams/:name/keys/:id',
    operationId: 'removeUpstreamKey',
    summary: 'Remove a key that was added here. Drain it first, and nothing that is under way is cut.',
    access: ADMIN_ALONE,
    object: 'upstream::name',
    params: UpstreamKeyParamsSchema,
    reply: null,
    status: 204,
    async handler ({ params: { name, id }, actor }, deps) {
      const upstream = upstreamOf(name, deps)
      if (upstream.keys.some((key) => key.id === id)) {
        throw new GatewayError('conflict', 'The key is in the configuration file: drain it here, or take it out there.')
      }
      await change(upstream, { actor, deps, changed: (draft) => withoutKey(draft, id) })
      return undefined
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/upstreams/:name/keys/:id/drain',
    operationId: 'drainUpstreamKey',
    summary: 'Use one key no more, or again.',
    access: ADMIN_ALONE,
    object: 'upstream::name',
    params: UpstreamKeyParamsSchema,
    body: DrainSchema,
    reply: KeyStateSchema,
    async handler ({ params: { name, id }, body: { drained }, actor }, deps) {
      const upstream = upstreamOf(name, deps)
      await withFresh(deps.directory, () => keyStateOf(upstream, id, deps))
      await change(upstream, { actor, deps, changed: (draft) => withKeyDrain(draft, id, drained) })
      return keyBody(keyStateOf(upstream, id, deps))
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/upstreams/:name/drain',
    operationId: 'drainUpstream',
    summary: 'Send nothing new to an upstream, or send there again.',
    access: ADMIN_ALONE,
    object: 'upstream::name',
    params: UpstreamParamsSchema,
    body: DrainSchema,
    reply: UpstreamSchema,
    async handler ({ params: { name }, body: { drained }, actor }, deps) {
      const upstream = upstreamOf(name, deps)
      await change(upstream, { actor, deps, changed: (draft) => withDrain(draft, drained) })
      return upstreamBody(upstream, deps)
    }
  })
]

interface Change {
  readonly actor: Actor
  readonly deps: AdminDeps
  /** What is to be set in the place of what is. */
  changed (draft: UpstreamDraft): UpstreamDraft
}

async function change ({ name }: Upstream, { actor, deps: { directory }, changed }: Change): Promise<void> {
  await withFresh(directory, () => directory.putUpstream(changed(directory.upstream(name) ?? untouched(name)), actor))
}

function upstreamsOf ({ currentCatalog }: Pick<AdminDeps, 'currentCatalog'>): Upstream[] {
  const targets = [...currentCatalog().models.values()].flatMap((model) => model.targets)
  const byName = new Map(targets.map(({ upstream }) => [upstream.name, upstream]))
  return [...byName.values()].sort((a, b) => a.name < b.name ? -1 : 1)
}

/** @throws GatewayError `not_found` */
function upstreamOf (name: string, deps: AdminDeps): Upstream {
  const upstream = upstreamsOf(deps).find((one) => one.name === name)
  if (upstream === undefined) throw new GatewayError('not_found', 'There is no such upstream.', { param: 'upstream' })
  return upstream
}

/** @throws GatewayError `not_found` */
function keyStateOf (upstream: Upstream, id: string, { keyring }: Pick<AdminDeps, 'keyring'>): KeyState {
  const state = keyring.states(upstream).find((key) => key.id === id)
  if (state === undefined) throw new GatewayError('not_found', 'The upstream has no such key.', { param: 'key' })
  return state
}

function upstreamBody (upstream: Upstream, { currentCatalog, directory, keyring }: AdminDeps): object {
  const { name, protocol, baseUrl } = upstream
  const models = [...currentCatalog().models.values()]
    .filter(({ targets }) => targets.some((target) => target.upstream.name === name))
  return {
    name,
    protocol: protocol.name,
    base_url: withoutUserInfo(baseUrl),
    drained: directory.upstream(name)?.isDrained ?? false,
    models: models.map((model) => model.name).sort(),
    keys: keyring.states(upstream).map(keyBody)
  }
}

function keyBody ({ id, origin, state, inFlight, weight }: KeyState): object {
  return { id, origin, state, in_flight: inFlight, weight }
}

/** The configuration takes none; should there be some all the same, it is a secret. */
function withoutUserInfo (url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1')
}
