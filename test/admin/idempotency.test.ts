import t from 'tap'
import { adminApp } from './admin-app.ts'
import { createIdempotency } from '../../src/admin/idempotency.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { IdempotencyStore } from '../../src/accounts/idempotency-store.ts'
import type { Result } from '../../src/admin/idempotency.ts'

const KEY = { 'idempotency-key': 'a key of the tests' }

t.test('a write is done once for each key, and its result given again', async (t) => {
  const { call, deps } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const first = await call('POST', '/teams/search/keys', { name: 'CI', models: ['qwen-max'] }, KEY)
  t.equal(first.headers['idempotent-replayed'], undefined)
  const again = await call('POST', '/teams/search/keys', { models: ['qwen-max'], name: 'CI' }, KEY)
  t.same([again.status, again.headers['idempotent-replayed']], [201, 'true'])
  t.strictSame(again.json, first.json, 'with the secret, in whatever order the members came')
  t.equal(deps.directory.keysOf('search').length, 1)
  t.equal((await call('DELETE', `/keys/${first.json.id}`, undefined, { 'idempotency-key': 'another' })).status, 204)
  const gone = await call('DELETE', `/keys/${first.json.id}`, undefined, { 'idempotency-key': 'another' })
  t.same([gone.status, gone.json, gone.headers['idempotent-replayed']], [204, undefined, 'true'])
  const actions = (await deps.audit.list({ limit: 10 })).map(({ action, outcome }) => `${action} ${outcome}`)
  t.same(actions, ['key.remove done', 'key.create done', 'team.create done'], 'nothing was done twice')
})

t.test('a key stands for one write of one actor', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' }, KEY)
  const conflict = { status: 409, json: { error: { code: 'conflict', field: 'Idempotency-Key', message: 'This Idempotency-Key was used for another request. Use a new one.' } } }
  t.match(await call('POST', '/teams', { id: 'ads' }, KEY), conflict, 'another body')
  t.match(await call('PATCH', '/teams/search', { name: 'x' }, KEY), conflict, 'another route')
  t.match(await call('DELETE', '/teams/search', undefined, KEY), conflict)
  const { json: { token } } = await call('POST', '/tokens', { role: 'admin' })
  t.match(await call('POST', '/teams', { id: 'ads' }, { ...KEY, authorization: `Bearer ${token}` }), { status: 201 }, 'somebody else has keys of his own')
})

t.test('what was refused may be tried again under the same key', async (t) => {
  const { call } = await adminApp(t)
  t.equal((await call('POST', '/teams/search/keys', {}, KEY)).status, 404)
  t.equal((await call('POST', '/teams', { id: 5 }, KEY)).status, 400)
  await call('POST', '/teams', { id: 'search' })
  t.equal((await call('POST', '/teams/search/keys', {}, KEY)).status, 201)
})

t.test('a result is kept for a day', async (t) => {
  const { call, clock } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' }, KEY)
  clock.advance(24 * 3_600_000 - 1)
  t.equal((await call('POST', '/teams', { id: 'search' }, KEY)).status, 201)
  clock.advance(1)
  t.equal((await call('POST', '/teams', { id: 'search' }, KEY)).status, 409, 'it is there already')
})

t.test('a replay is for those who may do the write', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { json: { token, id } } = await call('POST', '/tokens', { role: 'admin' })
  const theirs = { ...KEY, authorization: `Bearer ${token}` }
  t.equal((await call('POST', '/teams/search/keys', {}, theirs)).status, 201)
  await call('DELETE', `/tokens/${id}`)
  t.equal((await call('POST', '/teams/search/keys', {}, theirs)).status, 401)
})

t.test('reads take no notice of a key, and a bad one is refused', async (t) => {
  const { call, app } = await adminApp(t)
  t.equal((await call('GET', '/teams', undefined, KEY)).status, 200)
  for (const key of ['', 'x'.repeat(256), 'snow \u00e9', 'tab\tin it']) {
    const { status, json } = await call('POST', '/teams', { id: 'search' }, { 'idempotency-key': key })
    t.same([status, json.error.field], [400, 'Idempotency-Key'], JSON.stringify(key))
  }
  for (const key of ['x', 'x'.repeat(255), '0f8b6c9e-1c5e-4d53-9a0e-1f6a0f8b6c9e']) {
    t.equal((await call('POST', '/teams', { id: `t${key.length}` }, { 'idempotency-key': key })).status, 201)
  }
  t.ok(app)
})

/** IdempotencyStore in a map, each call of which can be looked at. */
function storeInMemory (): IdempotencyStore & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>()
  return {
    texts,
    async take (name, text) {
      const taken = texts.get(name)
      if (taken !== undefined) return { status: 'known', text: taken }
      texts.set(name, text)
      return { status: 'new' }
    },
    async replace (name, { from, to }) { if (texts.get(name) === from) texts.set(name, to) },
    async release (name, text) { if (texts.get(name) === text) texts.delete(name) }
  }
}

const WRITE = { actor: 'root', key: 'k', request: { method: 'POST', path: '/x', body: { key: 'sk-upstream-secret' } } }
const RESULT: Result = { status: 201, body: { secret: 'sk-dg-the-new-secret' } }

t.test('who asks while the first one is under way is told to wait', async (t) => {
  const idempotency = createIdempotency({ store: storeInMemory(), secret: 's', failed () {} })
  const { promise, resolve } = Promise.withResolvers<Result>()
  const first = idempotency.once(WRITE, () => promise)
  const second = await idempotency.once(WRITE, async () => { throw new Error('done twice') }).catch((caught: unknown) => caught)
  t.match(second, { kind: 'conflict', retryAfterMs: 1_000, message: /under way/ })
  resolve(RESULT)
  t.same(await first, { ...RESULT, isReplayed: false })
  t.same(await idempotency.once(WRITE, async () => { throw new Error('done twice') }), { ...RESULT, isReplayed: true })
})

t.test('the store has no secret, no key and nothing by which one could guess at them', async (t) => {
  const store = storeInMemory()
  const once = (secret: string, write = WRITE) => createIdempotency({ store, secret, failed () {} }).once(write, async () => RESULT)
  await once('one')
  const kept = JSON.stringify([...store.texts])
  for (const word of ['sk-', 'secret', 'root', '"k"', '/x']) t.notMatch(kept, word)
  const [[name = '', text = ''] = []] = store.texts
  await once('two')
  t.equal(store.texts.size, 2, 'another secret has other names')
  await once('one', { ...WRITE, key: 'other' })
  store.texts.set([...store.texts.keys()][2] ?? '', text)
  t.match(await once('one', { ...WRITE, key: 'other' }).catch((caught: unknown) => caught), { kind: 'conflict' }, 'and a result is of no use under another key')
  t.match(name, /^[0-9a-f]{64}$/)
})

t.test('a write that cannot be noted is answered all the same', async (t) => {
  const told: unknown[] = []
  const away = new GatewayError('store_unavailable', 'away')
  const store: IdempotencyStore = { ...storeInMemory(), replace: async () => { throw away }, release: async () => { throw away } }
  const idempotency = createIdempotency({ store, secret: 's', failed: (cause) => { told.push(cause) } })
  t.same(await idempotency.once(WRITE, async () => RESULT), { ...RESULT, isReplayed: false })
  t.match(await idempotency.once({ ...WRITE, key: 'l' }, async () => { throw new GatewayError('not_found', 'x') }).catch((caught: unknown) => caught), { kind: 'not_found' })
  t.same(told, [away, away])
})

t.test('an answer that is too long to be kept is said to have been given', async (t) => {
  const idempotency = createIdempotency({ store: storeInMemory(), secret: 's', failed () {} })
  const long = { status: 200, body: { text: 'x'.repeat(100_000) } }
  t.same(await idempotency.once(WRITE, async () => long), { ...long, isReplayed: false })
  t.match(await idempotency.once(WRITE, async () => long).catch((caught: unknown) => caught), { kind: 'conflict', message: /done before/ })
})

t.test('where too many are remembered a write is refused, and done without a key', async (t) => {
  const full: IdempotencyStore = { ...storeInMemory(), take: async () => ({ status: 'full' }) }
  const { call } = await adminApp(t, { idempotency: createIdempotency({ store: full, secret: 's', failed () {} }) })
  t.match(await call('POST', '/teams', { id: 'search' }, KEY), { status: 503, json: { error: { code: 'overloaded' } }, headers: { 'retry-after': '60' } })
  t.equal((await call('POST', '/teams', { id: 'search' })).status, 201)
})
