import t from 'tap'
import type { Test } from 'tap'
import { Value } from 'typebox/value'
import { ACCESS, KEYS } from './access-table.ts'
import { ADMIN_ROUTES } from '../../src/admin/table.ts'
import { ADMIN_TOKEN, adminApp } from './admin-app.ts'
import { createMemoryLog } from '../metering/memory-log.ts'
import { createMemoryUsage, usageHour } from '../metering/usage-hours.ts'
import { registeredRoutes } from './registered.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'
import type { AdminApp, Method } from './admin-app.ts'
import type { Row } from './access-table.ts'

const OBJECTS = ['search', 'ads', 'absent'] as const
const CALLERS = ['none', 'wrong', 'expired', 'revoked', 'root', 'admin', 'viewer', 'lead', 'otherLead'] as const
type Caller = typeof CALLERS[number]

interface World extends AdminApp {
  /** The token and the id of each. */
  readonly tokens: Readonly<Record<string, { readonly token: string, readonly id: string }>>
}

const CONFIGURED = upstreamKeyId('sk-configured-one')
const STORED = upstreamKeyId('sk-stored-three')

async function createWorld (t: Test): Promise<World> {
  const log = createMemoryLog()
  for (const team of ['search', 'ads'] as const) log.charge({ requestId: `request-of-${team}`, team, keyId: KEYS[team], timeMs: Date.UTC(2026, 0, 1) })
  const usage = createMemoryUsage((['search', 'ads'] as const).map((team) => usageHour('2026-01-01T00:00Z', { team, keyId: KEYS[team] })))
  const admin = await adminApp(t, { ledger: log.ledger, refusals: log.refusals, usage })
  const { call, clock, deps: { directory } } = admin
  for (const id of ['search', 'ads'] as const) {
    await call('POST', '/teams', { id })
    await directory.createKey({ id: KEYS[id], team: id, digest: `digest of ${id}`, settings: {} }, undefined)
  }
  await call('POST', '/upstreams/dashscope/keys', { key: 'sk-stored-three' })
  const tokens: Record<string, { token: string, id: string }> = { root: { token: ADMIN_TOKEN, id: 'root' }, wrong: { token: `${ADMIN_TOKEN}x`, id: '' } }
  for (const [name, body] of Object.entries({
    expired: { role: 'admin', expires_at: '2026-01-01T00:00:01Z' },
    revoked: { role: 'admin' },
    admin: { role: 'admin' },
    viewer: { role: 'viewer' },
    lead: { role: 'team', team: 'search' },
    otherLead: { role: 'team', team: 'ads' },
    search: { role: 'team', team: 'search' },
    ads: { role: 'team', team: 'ads' },
    absent: { role: 'admin' }
  })) tokens[name] = (await call('POST', '/tokens', body)).json
  for (const name of ['revoked', 'absent']) await call('DELETE', `/tokens/${tokens[name]?.id}`)
  clock.advance(60_000)
  return { ...admin, tokens }
}

let addresses = 0

/** From an address of its own: wrong tokens are counted by address. */
async function ask ({ app, tokens, clock }: World, caller: Caller, { method, url, body }: { method: Method, url: string, body: object | undefined }) {
  // Tries without a token are counted by time.
  clock.advance(60_000)
  const token = tokens[caller]?.token
  const response = await app.inject({
    method,
    url,
    remoteAddress: `10.0.${addresses >> 8}.${addresses++ & 255}`,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...body === undefined ? {} : { payload: body }
  })
  return { status: response.statusCode, json: response.body === '' ? undefined : response.json(), id: response.headers['x-request-id'] }
}

function expected (row: Row, caller: Caller, place: number): string {
  if (caller === 'root' || caller === 'admin') return row.admin.split(' ')[place] ?? ''
  if (caller === 'viewer' || caller === 'lead' || caller === 'otherLead') return row[caller].split(' ')[place] ?? ''
  return '401'
}

t.test('every route is in the table, and nothing else', async (t) => {
  t.same(ADMIN_ROUTES.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(ACCESS).sort())
  const { app } = await adminApp(t)
  const registered = (await registeredRoutes(app)).filter((route) => / \/(admin|v1)\//.test(route))
  t.same(registered.sort(), Object.keys(ACCESS).sort(), 'and what is in it is there')
})

for (const route of ADMIN_ROUTES) {
  const name = `${route.method} ${route.path}`
  const row = ACCESS[name]
  if (row === undefined) continue
  t.test(`${name}: everybody may do what the table says, and no more`, async (t) => {
    let world = await createWorld(t)
    const isWrite = route.method !== 'GET' && !['/admin/v1/explain', '/admin/v1/config/check'].includes(route.path)
    const objects = row.admin.includes(' ') ? OBJECTS : OBJECTS.slice(0, 1)
    for (const caller of CALLERS) {
      for (const [place, object] of objects.entries()) {
        const url = row.path(object)
          .replace(/\{\w+\}/, { search: CONFIGURED, ads: STORED, absent: '000000000000' }[object])
          .replace(/\[\w+\]/, world.tokens[object]?.id ?? '')
        const { status, json, id } = await ask(world, caller, { method: route.method, url, body: row.body?.(object) })
        const what = `${caller}, ${object}`
        t.equal(String(status), expected(row, caller, place), what)
        if (status < 400) t.ok(route.reply === null ? json === undefined : Value.Check(route.reply, json), `${what}: the answer is as it is described`)
        else t.match(json, { error: { code: String, message: String } }, what)
        const [last] = await world.deps.audit.list({ limit: 1 })
        if (!isWrite) t.not(last?.requestId, id, `${what}: a read is not in the log`)
        else t.match(last, { requestId: id, outcome: outcomeOf(status, caller), actor: actorOf(world, caller) }, `${what}: it is in the log`)
        if (isWrite && status < 400) world = await createWorld(t)
      }
    }
  })
}

/** Whether what a lead asks for is another team's or not there at all, he may not have it. */
function outcomeOf (status: number, caller: Caller): string {
  if (status < 400) return 'done'
  return [401, 403].includes(status) || (status === 404 && caller.toLowerCase().endsWith('lead')) ? 'denied' : 'failed'
}

function actorOf ({ tokens }: World, caller: Caller): string {
  return ['none', 'wrong', 'expired', 'revoked'].includes(caller) ? 'unknown' : tokens[caller]?.id ?? ''
}

t.test('a lead sees nothing of other teams in lists, and the same words for what is theirs as for what is not there', async (t) => {
  const world = await createWorld(t)
  t.same((await ask(world, 'lead', { method: 'GET', url: '/admin/v1/teams', body: undefined })).json.data.map(({ id }: { id: string }) => id), ['search'])
  for (const [path, body] of [['/teams/X', undefined], ['/teams/X/keys', undefined], ['/teams/X/budgets', undefined], ['/explain', { model: 'm' }]] as const) {
    const [theirs, none] = await Promise.all(['ads', 'none'].map((team) => ask(world, 'lead', {
      method: body === undefined ? 'GET' : 'POST', url: `/admin/v1${path.replace('X', team)}`, body: body === undefined ? undefined : { ...body, team }
    })))
    t.same([theirs?.status, theirs?.json], [none?.status, none?.json], path)
  }
  for (const [method, rest] of [['GET', ''], ['POST', '/rotate']] as const) {
    const [theirs, none] = await Promise.all([KEYS.ads, KEYS.absent].map((id) => ask(world, 'lead', { method, url: `/admin/v1/keys/${id}${rest}`, body: undefined })))
    t.same([theirs?.status, theirs?.json], [none?.status, none?.json], rest)
  }
})

t.test('a lead who asks for everything is told of his own team alone', async (t) => {
  const world = await createWorld(t)
  for (const path of ['/admin/v1/teams?', '/admin/v1/usage?group_by=team,key&', '/admin/v1/requests?', '/v1/organization/usage/completions?start_time=1767225600&group_by[]=project_id&',
    '/v1/organization/costs?start_time=1767225600&group_by[]=project_id&', '/admin/v1/requests?format=csv&', '/admin/v1/usage?format=ndjson&group_by=team,key&']) {
    const texts = await Promise.all((['lead', 'viewer'] as const).map(async (caller) => {
      const { body } = await world.app.inject({ url: path.slice(0, -1), headers: { authorization: `Bearer ${world.tokens[caller]?.token}` } })
      return body
    }))
    const told = texts.map((text) => [/search/.test(text), /\bads\b|adskey99/.test(text)])
    t.same(told, [[true, false], [true, true]], path)
    if (!path.startsWith('/admin/v1/') || /format|teams/.test(path)) continue
    t.same((await ask(world, 'lead', { method: 'GET', url: `${path}key=${KEYS.ads}`, body: undefined })).json.data, [], `${path} nor by the key of another`)
  }
})

t.test('a key that another gateway has just made is its lead\'s at once', async (t) => {
  const world = await createWorld(t)
  const { openDirectory } = await import('../../src/accounts/directory.ts')
  const other = await openDirectory(world.store, world.clock)
  await other.createKey({ id: 'newerkey', team: 'search', digest: 'd', settings: {} }, undefined)
  t.equal((await ask(world, 'lead', { method: 'POST', url: '/admin/v1/keys/newerkey/rotate', body: undefined })).status, 200)
  t.equal((await ask(world, 'otherLead', { method: 'POST', url: '/admin/v1/keys/newerkey/rotate', body: undefined })).status, 404)
})
