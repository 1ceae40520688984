import t from 'tap'
import { adminApp } from './admin-app.ts'
import { keyDigest } from '../../src/accounts/keys.ts'

t.test('a key is made with its secret, which is shown once and works', async (t) => {
  const { call, deps } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { status, json, headers } = await call('POST', '/teams/search/keys', { name: 'CI', expires_at: '2027-01-01T00:00:00Z', models: ['qwen-max'] })
  t.equal(status, 201)
  t.equal(headers['cache-control'], 'no-store')
  const { secret, ...shown } = json
  t.strictSame(shown, {
    id: json.id, team: 'search', prefix: `sk-dg-${json.id}-`, name: 'CI', expires_at: '2027-01-01T00:00:00Z', models: ['qwen-max'], former: [], created_at: '2026-01-01T00:00:00.000Z', revision: 1
  })
  t.match(secret, /^sk-dg-[a-z0-9]{8}-[A-Za-z0-9]{43}[0-9a-f]{8}$/)
  t.ok(secret.startsWith(json.prefix))
  t.equal(deps.directory.findByDigest(keyDigest('pepper', secret))?.key.id, json.id)
  t.strictSame((await call('GET', `/keys/${json.id}`)).json, shown)
  t.strictSame((await call('GET', '/teams/search/keys')).json, { data: [shown], has_more: false, next_cursor: null })
  const listed = JSON.stringify([(await call('GET', '/teams/search/keys')).json, (await call('PATCH', `/keys/${json.id}`, { name: 'x' })).json])
  t.notMatch(listed, secret)
  t.notMatch(listed, keyDigest('pepper', secret), 'nor its digest')
})

t.test('a key is changed without its secret, and dead once it is revoked', async (t) => {
  const { call, deps } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { json: { id, secret } } = await call('POST', '/teams/search/keys', { name: 'CI' })
  const digest = keyDigest('pepper', secret)
  t.match((await call('PATCH', `/keys/${id}`, { name: null, concurrent_requests: 2, revision: 1 })).json, { concurrent_requests: 2, revision: 2 })
  t.strictSame(deps.directory.findByDigest(digest)?.key.settings, { concurrent_requests: 2 })
  t.match(await call('PATCH', `/keys/${id}`, { revision: 1 }), { status: 409, json: { error: { field: 'revision' } } })
  t.equal((await call('DELETE', `/keys/${id}`)).status, 204)
  t.equal(deps.directory.findByDigest(digest), undefined)
  for (const method of ['GET', 'DELETE'] as const) t.match(await call(method, `/keys/${id}`), { status: 404, json: { error: { code: 'not_found', field: 'key' } } })
})

t.test('what is wrong with a key is refused with its field', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  for (const [body, field] of [[{ expires_at: 'soon' }, 'expires_at'], [{ id: 'mine' }, 'id'], [{ secret: 'x' }, 'secret'], [{ team: 'ads' }, 'team'], [{ on_store_down: 'allow' }, 'on_store_down'],
    [{ name: 5 }, 'name'], [{ budgets: [{}] }, 'budgets[0].id']] as const) {
    t.match(await call('POST', '/teams/search/keys', body), { status: 400, json: { error: { code: 'invalid_request', field } } }, field)
  }
  t.match(await call('POST', '/teams/none/keys', {}), { status: 404, json: { error: { field: 'team' } } })
  t.equal((await call('GET', '/teams/none/keys')).status, 404)
  t.same((await call('GET', '/teams/search/keys')).json.data, [])
})

t.test('the key of the first request has no prefix of ours', async (t) => {
  const { call, deps } = await adminApp(t)
  await call('POST', '/teams', { id: 'default' })
  await deps.directory.createKey({ id: 'bootstrap', team: 'default', digest: 'd', settings: {} }, undefined)
  t.match((await call('GET', '/keys/bootstrap')).json, { id: 'bootstrap', prefix: null })
})

t.test('a rotated key has a new secret, and the ones before for as long as they were given', async (t) => {
  const { call, clock, deps: { directory } } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { json: first } = await call('POST', '/teams/search/keys', { name: 'CI' })
  const lets = (secret: string): boolean => directory.findByDigest(keyDigest('pepper', secret))?.key.id === first.id
  const { status, json: second, headers } = await call('POST', `/keys/${first.id}/rotate`, { grace_seconds: 60 })
  t.same([status, headers['cache-control']], [200, 'no-store'])
  t.strictSame(second, { ...first, secret: second.secret, former: [{ until: '2026-01-01T00:01:00.000Z' }], revision: 2 })
  t.ok(second.secret.startsWith(`sk-dg-${first.id}-`) && second.secret !== first.secret)
  t.same([first, second].map(({ secret }) => lets(secret)), [true, true])
  const { json: third } = await call('POST', `/keys/${first.id}/rotate`)
  t.same(third.former, [{ until: '2026-01-01T01:00:00.000Z' }, { until: '2026-01-01T00:01:00.000Z' }], 'an hour where nothing is said')
  clock.advance(60_000)
  t.same([first, second, third].map(({ secret }) => lets(secret)), [false, true, true])
  t.same((await call('GET', `/keys/${first.id}`)).json.former, [{ until: '2026-01-01T01:00:00.000Z' }])
  const { json: fourth } = await call('POST', `/keys/${first.id}/rotate`, { grace_seconds: 0 })
  t.same([second, third, fourth].map(({ secret }) => lets(secret)), [false, false, true], 'at once')
  for (let turns = 0; turns < 8; turns++) t.equal((await call('POST', `/keys/${first.id}/rotate`)).status, 200)
  t.match(await call('POST', `/keys/${first.id}/rotate`), { status: 409, json: { error: { code: 'conflict' } } }, 'too many would live')
})

t.test('the key of the first request has a secret of ours once it is rotated', async (t) => {
  const { call, deps: { directory } } = await adminApp(t)
  await call('POST', '/teams', { id: 'default' })
  await directory.createKey({ id: 'bootstrap', team: 'default', digest: 'd', settings: {} }, undefined)
  const { json } = await call('POST', '/keys/bootstrap/rotate')
  t.match(json, { id: 'bootstrap', prefix: 'sk-dg-bootstrap-', secret: /^sk-dg-bootstrap-/ })
  t.equal(directory.findByDigest(keyDigest('pepper', json.secret))?.key.id, 'bootstrap')
})
