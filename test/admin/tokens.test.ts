import t from 'tap'
import { adminApp } from './admin-app.ts'

t.test('a token is made, works as long as it may, and is shown once', async (t) => {
  const { call, clock, deps } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { status, json } = await call('POST', '/tokens', { role: 'team', team: 'search', name: 'Ada', expires_at: '2026-01-01T01:00:00Z' })
  t.equal(status, 201)
  const { token, ...shown } = json
  t.strictSame(shown, { id: json.id, prefix: `dga-${json.id}-`, role: 'team', team: 'search', name: 'Ada', expires_at: '2026-01-01T01:00:00Z', created_at: '2026-01-01T00:00:00.000Z' })
  t.ok(token.startsWith(json.prefix))
  t.strictSame((await call('GET', '/tokens')).json, { data: [shown], has_more: false, next_cursor: null })
  const mine = { authorization: `Bearer ${token}` }
  t.match((await call('GET', '/teams', undefined, mine)).json, { data: [{ id: 'search' }] })
  clock.advance(3_600_000)
  t.equal((await call('GET', '/teams', undefined, mine)).status, 401, 'its time is over')
  t.equal((await call('DELETE', `/tokens/${json.id}`)).status, 204)
  t.match(await call('DELETE', `/tokens/${json.id}`), { status: 404, json: { error: { code: 'not_found', field: 'token' } } })
  t.same((await call('GET', '/tokens')).json.data, [])
  const kept = JSON.stringify([await deps.audit.list({ limit: 10 }), (await call('GET', '/audit')).json])
  t.notMatch(kept, token.slice(14), 'its secret is in no entry')
})

t.test('a revoked token opens nothing any more, and neither does one that was never made', async (t) => {
  const { call } = await adminApp(t)
  const { json } = await call('POST', '/tokens', { role: 'admin' })
  t.equal((await call('DELETE', `/tokens/${json.id}`, undefined, { authorization: `Bearer ${json.token}` })).status, 204, 'also by itself')
  for (const token of [json.token, json.token.replace(/.$/, 'x'), 'dga-', `dga-${json.id}`]) {
    t.equal((await call('GET', '/teams', undefined, { authorization: `Bearer ${token}` })).status, 401)
  }
})

t.test('what is wrong with a token is refused with its field', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  for (const [body, field] of [[{}, 'role'], [{ role: 'root' }, 'role'], [{ role: 'team' }, 'team'], [{ role: 'viewer', team: 'search' }, 'team'], [{ role: 'team', team: 'A b' }, 'team'],
    [{ role: 'admin', expires_at: 'soon' }, 'expires_at'], [{ role: 'admin', expires_at: '2025-12-31T23:59:59Z' }, 'expires_at'], [{ role: 'admin', scope: 'x' }, 'scope'], [{ role: 'admin', name: 5 }, 'name']] as const) {
    t.match(await call('POST', '/tokens', body), { status: 400, json: { error: { code: 'invalid_request', field } } }, JSON.stringify(body))
  }
  t.match(await call('POST', '/tokens', { role: 'team', team: 'none' }), { status: 404, json: { error: { field: 'team' } } })
  t.same((await call('GET', '/tokens')).json.data, [])
})

t.test('a team is not removed while somebody sees to it', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { json } = await call('POST', '/tokens', { role: 'team', team: 'search' })
  t.equal((await call('DELETE', '/teams/search')).status, 409)
  await call('DELETE', `/tokens/${json.id}`)
  t.equal((await call('DELETE', '/teams/search')).status, 204)
})
