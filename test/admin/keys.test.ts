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
