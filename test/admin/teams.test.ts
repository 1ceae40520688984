import t from 'tap'
import fc from 'fast-check'
import { adminApp } from './admin-app.ts'
import { createManualClock } from '../support/fixed.ts'
import { openDirectory } from '../../src/accounts/directory.ts'

const SETTINGS = {
  name: '搜索',
  requests_per_minute: 600,
  tokens_per_minute: { limit: 1_000_000, burst: 500_000 },
  concurrent_requests: 50,
  budgets: [
    { id: 'daily', unit: 'tokens', period: 'day', amount: 5_000_000, time_zone: 'Asia/Shanghai' },
    { id: 'monthly', unit: 'CNY', period: 'month', amount: 300, alert_at: [0.8, 1] },
    { id: 'free-quota', unit: 'tokens', period: 'total', amount: 1_000_000, expires_at: '2027-05-22T00:00:00+08:00', models: ['qwen-coder-turbo*'] }
  ],
  per_model: [{ id: 'big', models: ['qwen-max*'], requests_per_minute: 10 }],
  models: ['qwen-*'],
  allowed_ips: ['10.0.0.0/8'],
  on_store_down: 'deny'
}

t.test('a team is made, shown, changed and removed', async (t) => {
  const { call } = await adminApp(t)
  const made = { id: 'search', ...SETTINGS, created_at: '2026-01-01T00:00:00.000Z', revision: 1 }
  t.strictSame(await call('POST', '/teams', { id: 'search', ...SETTINGS }).then(({ status, json }) => [status, json]), [201, made])
  t.strictSame((await call('GET', '/teams/search')).json, made)
  t.strictSame((await call('GET', '/teams')).json, { data: [made], has_more: false, next_cursor: null })
  const { concurrent_requests: _, ...others } = made
  const changed = { ...others, name: 'Search', models: ['qwen-max'], revision: 2 }
  t.strictSame((await call('PATCH', '/teams/search', { name: 'Search', models: ['qwen-max'], concurrent_requests: null })).json, changed)
  t.strictSame((await call('GET', '/teams/search')).json, changed)
  t.match(await call('DELETE', '/teams/search'), { status: 204, json: undefined })
  t.match(await call('GET', '/teams/search'), { status: 404, json: { error: { code: 'not_found', field: 'team' } } })
  t.equal((await call('DELETE', '/teams/search')).status, 404)
  t.equal((await call('PATCH', '/teams/search', {})).status, 404)
})

t.test('what is wrong is refused with its field, and nothing is written', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const cases: readonly (readonly [object, string | undefined])[] = [
    [{}, 'id'], [{ id: 5 }, 'id'], [{ id: '' }, 'id'], [{ id: 'A' }, 'id'], [{ id: 'a b' }, 'id'], [{ id: 'x'.repeat(65) }, 'id'], [{ id: 'a', revision: 1 }, 'revision'],
    [{ id: 'a', nmae: 'x' }, 'nmae'], [{ id: 'a', name: null }, 'name'], [{ id: 'a', concurrent_requests: '5' }, 'concurrent_requests'],
    [{ id: 'a', requests_per_minute: 0 }, 'requests_per_minute'], [{ id: 'a', requests_per_minute: '600' }, 'requests_per_minute'], [{ id: 'a', requests_per_minute: { limit: 1, brust: 1 } }, 'requests_per_minute.brust'],
    [{ id: 'a', budgets: [{ id: 'd', unit: 'tokens', period: 'day' }] }, 'budgets[0].amount'], [{ id: 'a', budgets: [{ id: 'd', unit: 'tokens', period: 'fortnight', amount: 1 }] }, 'budgets[0].period'],
    [{ id: 'a', budgets: [{ id: 'd', unit: 'tokens', period: 'day', amount: 1, time_zone: 'Nowhere' }] }, 'budgets[0].time_zone'],
    [{ id: 'a', per_model: [{ id: 'm', models: [] }] }, 'per_model[0].models'], [{ id: 'a', allowed_ips: ['office'] }, 'allowed_ips[0]'], [{ id: 'a', on_store_down: 'pray' }, 'on_store_down']
  ]
  for (const [body, field] of cases) {
    const { status, json } = await call('POST', '/teams', body)
    t.same([status, json.error.code, json.error.field], [400, 'invalid_request', field], JSON.stringify(body))
    const { id: _, revision: __, ...changes } = body as Record<string, unknown>
    if (field !== 'id' && field !== 'revision' && changes['name'] !== null) t.equal((await call('PATCH', '/teams/search', changes)).json.error.field, field, 'and in a change')
  }
  t.equal((await call('PATCH', '/teams/search', { nmae: null })).json.error.field, 'nmae')
  t.equal((await call('PATCH', '/teams/search', { id: 'other' })).json.error.field, 'id')
  t.equal((await call('PATCH', '/teams/search', { revision: 'x' })).json.error.field, 'revision')
  t.match((await call('GET', '/teams')).json.data, [{ id: 'search', revision: 1 }])
})

t.test('everything that is wrong is told at once', async (t) => {
  const { call } = await adminApp(t)
  const { json } = await call('POST', '/teams', { id: 'a', budgets: [{ id: 'd', unit: 'tokens', period: 'day', amount: 0.5, time_zone: 'Nowhere' }], allowed_ips: ['office'] })
  t.equal(json.error.message, 'budgets[0].amount must be a whole number of tokens; budgets[0].time_zone must be the IANA name of a zone, such as Asia/Shanghai; ' +
    'allowed_ips[0] must be an address or a network such as 10.0.0.0/8.')
  const many = await call('POST', '/teams', { id: 'a', ...Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field${index}`, 1])) })
  t.equal(many.status, 400)
  t.ok(many.json.error.message.length < 2_000, 'but not without an end')
})

t.test('whatever a body holds, the answer is a team or says what is wrong', async (t) => {
  const { call } = await adminApp(t)
  const member = fc.constantFrom('id', 'name', 'budgets', 'requests_per_minute', 'per_model', 'models', 'allowed_ips', 'on_store_down', 'x/y', '0')
  await fc.assert(fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.dictionary(member, fc.jsonValue())), async (body) => {
    const { status, json } = await call('POST', '/teams', body)
    return status === 201 || (status === 409) || (status === 400 && json.error.code === 'invalid_request' && json.error.message.length > 5)
  }), { numRuns: 300 })
  t.pass('300 bodies')
})

t.test('a change may name the revision it was made from, and is refused where that is an old one', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  t.equal((await call('PATCH', '/teams/search', { name: 'a', revision: 1 })).json.revision, 2)
  const { status, json } = await call('PATCH', '/teams/search', { name: 'b', revision: 1 })
  t.same([status, json], [409, { error: { code: 'conflict', message: 'The revision is 2 by now.', field: 'revision' } }])
  t.equal((await call('GET', '/teams/search')).json.name, 'a')
  t.equal((await call('PATCH', '/teams/search', { name: 'c' })).json.revision, 3)
})

t.test('a team is not made twice, and not removed while it has keys', async (t) => {
  const { call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  t.match(await call('POST', '/teams', { id: 'search' }), { status: 409, json: { error: { code: 'conflict', message: 'There is a team "search" already.' } } })
  const { json: key } = await call('POST', '/teams/search/keys', {})
  t.match(await call('DELETE', '/teams/search'), { status: 409, json: { error: { code: 'conflict', message: 'The team still has keys or tokens.' } } })
  await call('DELETE', `/keys/${key.id}`)
  t.equal((await call('DELETE', '/teams/search')).status, 204)
})

t.test('what another gateway has just written is found, and changes go on from there', async (t) => {
  const { call, store } = await adminApp(t)
  const other = await openDirectory(store, createManualClock())
  const team = await other.createTeam('search', { name: 'first' }, undefined)
  t.equal((await call('GET', '/teams/search')).json.name, 'first')
  await other.replaceTeam(team, { name: 'second', concurrent_requests: 5 }, undefined)
  t.match((await call('PATCH', '/teams/search', { name: 'third' })).json, { name: 'third', concurrent_requests: 5, revision: 3 })
})

t.test('while the store is away teams are shown, and changes are refused for now', async (t) => {
  const { call, store } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { GatewayError } = await import('../../src/core/errors.ts')
  store.failWith(new GatewayError('store_unavailable', 'away'))
  t.equal((await call('GET', '/teams/search')).status, 200)
  t.match(await call('PATCH', '/teams/search', { name: 'x' }), { status: 503, json: { error: { code: 'store_unavailable' } } })
  t.equal((await call('GET', '/teams/unknown')).status, 503, 'nobody knows whether it is there')
})

t.test('a long list comes page by page, each team once', async (t) => {
  const { call } = await adminApp(t)
  for (let team = 0; team < 7; team++) await call('POST', '/teams', { id: `t${team}` })
  const seen: string[] = []
  let cursor: string | null = ''
  let pages = 0
  for (; cursor !== null && pages < 10; pages++) {
    const { json }: { json: any } = await call('GET', `/teams?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...json.data.map(({ id }: { id: string }) => id))
    t.equal(json.has_more, json.next_cursor !== null)
    cursor = json.next_cursor
  }
  t.equal(pages, 3)
  t.same(seen, ['t0', 't1', 't2', 't3', 't4', 't5', 't6'])
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=-1', 'limit=1.5', 'limti=5', 'limit=1&limit=2']) {
    t.match(await call('GET', `/teams?${query}`), { status: 400, json: { error: { code: 'invalid_request' } } }, query)
  }
})
