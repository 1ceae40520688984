import t from 'tap'
import { adminApp } from './admin-app.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { verifyChain } from '../../src/accounts/audit.ts'
import type { AdminApp } from './admin-app.ts'

async function entriesOf ({ call }: Pick<AdminApp, 'call'>, limit = 200): Promise<any[]> {
  return (await call('GET', `/audit?limit=${limit}`)).json.data
}

t.test('every write is in the log with who did it, from where, and what it changed', async (t) => {
  const admin = await adminApp(t)
  const { call, app } = admin
  await call('POST', '/teams', { id: 'search', name: 'Search' })
  const { json: { token, id } } = await call('POST', '/tokens', { role: 'admin', name: 'Ada' })
  const response = await app.inject({
    method: 'PATCH', url: '/admin/v1/teams/search', payload: { name: 'Suche' }, remoteAddress: '192.0.2.7', headers: { authorization: `Bearer ${token}` }
  })
  t.equal(response.statusCode, 200)
  const [changed, made, first] = await entriesOf(admin)
  t.match(changed, { seq: 3, actor: id, role: 'admin', address: '192.0.2.7', request_id: response.headers['x-request-id'], action: 'team.update', object: 'team:search', outcome: 'done', time: '2026-01-01T00:00:00.000Z' })
  t.same([changed.detail.before.name ?? changed.detail.before.settings.name, changed.detail.after.name ?? changed.detail.after.settings.name], ['Search', 'Suche'])
  t.match(made, { seq: 2, actor: 'root', action: 'token.create', object: `token:${id}` })
  t.match(first, { seq: 1, action: 'team.create', previous: '' })
  t.equal(changed.previous, made.hash)
})

t.test('a write that came to nothing is in the log too, without a word of what was sent', async (t) => {
  const admin = await adminApp(t)
  const { call, app, deps } = admin
  await call('POST', '/teams', { id: 'search' })
  const { json: { token: viewer } } = await call('POST', '/tokens', { role: 'viewer' })
  const asViewer = { authorization: `Bearer ${viewer}` }
  await call('DELETE', '/teams/search', undefined, asViewer)
  await call('PATCH', '/teams/search', { nmae: 'sk-secret-in-the-wrong-place' })
  await call('DELETE', '/keys/absent')
  await app.inject({ method: 'POST', url: '/admin/v1/teams', payload: '{"id": "sk-sec', headers: { 'content-type': 'application/json', authorization: asViewer.authorization.replace(viewer, '') } })
  await call('POST', '/explain', {})
  await call('GET', '/teams/none')
  const entries = await entriesOf(admin)
  t.same(entries.slice(0, -2).map(({ actor, role, action, object, outcome, detail }) => [actor === 'root' || actor === 'unknown' ? actor : role, action, object, outcome, detail]), [
    ['unknown', 'POST /admin/v1/teams', 'team', 'denied', { code: 'unauthenticated', status: 401 }],
    ['root', 'DELETE /admin/v1/keys/:id', 'key:absent', 'failed', { code: 'not_found', status: 404, field: 'key' }],
    ['root', 'PATCH /admin/v1/teams/:team', 'team:search', 'failed', { code: 'invalid_request', status: 400, field: 'nmae' }],
    ['viewer', 'DELETE /admin/v1/teams/:team', 'team:search', 'denied', { code: 'permission_denied', status: 403 }]
  ])
  t.notMatch(JSON.stringify(entries), 'sk-sec')
  const all = await deps.audit.list({ limit: 100 })
  t.match(verifyChain([...all].reverse()), { ok: true })
})

t.test('whoever has no token cannot fill the log', async (t) => {
  const admin = await adminApp(t)
  const stranger = (address: number) => admin.app.inject({ method: 'DELETE', url: '/admin/v1/teams/search', remoteAddress: `192.0.2.${address}` })
  for (let tries = 0; tries < 50; tries++) await stranger(tries)
  t.equal((await entriesOf(admin)).length, 10)
  admin.clock.advance(60_000)
  await stranger(1)
  t.equal((await entriesOf(admin)).length, 11)
})

t.test('an answer stays what it is where the log cannot be written', async (t) => {
  const { call, store, failures } = await adminApp(t)
  store.failWith(new GatewayError('store_unavailable', 'away'))
  t.equal((await call('DELETE', '/teams/x', undefined, { authorization: 'Bearer wrong' })).status, 401)
  t.match(failures, [{ kind: 'store_unavailable' }])
  t.equal((await call('GET', '/audit')).status, 503)
})

t.test('the log comes page by page, the latest first', async (t) => {
  const admin = await adminApp(t)
  for (let team = 0; team < 5; team++) await admin.call('POST', '/teams', { id: `t${team}` })
  const { json: first } = await admin.call('GET', '/audit?limit=2')
  t.same([first.data.map(({ seq }: { seq: number }) => seq), first.has_more, first.next_cursor], [[5, 4], true, '4'])
  await admin.call('POST', '/teams', { id: 'later' })
  const { json: second } = await admin.call('GET', '/audit?limit=3&cursor=4')
  t.same([second.data.map(({ seq }: { seq: number }) => seq), second.has_more, second.next_cursor], [[3, 2, 1], false, null])
  for (const query of ['cursor=x', 'cursor=0', 'cursor=1.5', `cursor=${'9'.repeat(20)}`, 'limit=0', 'actor=root']) {
    t.equal((await admin.call('GET', `/audit?${query}`)).status, 400, query)
  }
})
