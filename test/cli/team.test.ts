import t from 'tap'
import { ADMIN_TOKEN } from '../admin/admin-app.ts'
import { adminPlace } from './admin.ts'
import { run } from './process.ts'

const DAILY = { id: 'daily', unit: 'tokens', period: 'day', amount: 5_000_000, time_zone: 'Asia/Shanghai' }

t.test('a team is made with what the options say, and listed', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  t.same(await dashgate('team', 'list'), { code: 0, stdout: 'There are no teams.\n', stderr: '' })
  const made = await dashgate('team', 'create', 'search', '--name', '搜索', '--requests-per-minute', '600', '--tokens-per-minute', '1000000', '--concurrent-requests', '50',
    '--budget', 'daily=5000000tokens/day@Asia/Shanghai', '--budget', 'monthly=300.5CNY/month', '--models', 'qwen-max, qwen-coder-*', '--on-store-down', 'deny')
  const limits = '600 requests/min, 1000000 tokens/min, 50 at once, daily 5000000 tokens/day, monthly 300.5 CNY/month, models qwen-max qwen-coder-*'
  t.same(made, { code: 0, stdout: `Team search (revision 1): ${limits}\n`, stderr: '' })
  const { created_at: _, ...shown } = (await call('GET', '/teams/search')).json
  t.strictSame(shown, {
    id: 'search',
    name: '搜索',
    requests_per_minute: 600,
    tokens_per_minute: 1_000_000,
    concurrent_requests: 50,
    models: ['qwen-max', 'qwen-coder-*'],
    budgets: [DAILY, { id: 'monthly', unit: 'CNY', period: 'month', amount: 300.5 }],
    on_store_down: 'deny',
    revision: 1
  })
  await dashgate('team', 'create', 'a')
  t.equal((await dashgate('team', 'list')).stdout, `TEAM    ${'LIMITS'.padEnd(limits.length)}  NAME\na       no limits\nsearch  ${limits}  搜索\n`)
  t.match(JSON.parse((await dashgate('team', 'list', '--json')).stdout), { data: [{ id: 'a' }, shown] })
})

t.test('set changes what is named and leaves the rest; a budget takes the place of its like', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search', name: 'Search', concurrent_requests: 5, budgets: [DAILY, { ...DAILY, id: 'other' }] })
  const { code, stdout } = await dashgate('team', 'set', 'search', '--budget', 'daily=7tokens/day', '--budget', 'new=1tokens/total', '--requests-per-minute', '10', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { name: 'Search', concurrent_requests: 5, requests_per_minute: 10, revision: 2 })
  t.strictSame(JSON.parse(stdout).budgets, [{ ...DAILY, id: 'other' }, { id: 'daily', unit: 'tokens', period: 'day', amount: 7 }, { id: 'new', unit: 'tokens', period: 'total', amount: 1 }])
  t.match(await dashgate('team', 'set', 'search'), { code: 2, stderr: /Nothing is to be set/ })
  t.match(await dashgate('team', 'set', 'none', '--name', 'x'), { code: 1, stderr: 'error: There is no such team.\n' })
})

t.test('settings come from a file, with the options on top', async (t) => {
  const settings = { name: 'from the file', concurrent_requests: 5, budgets: [DAILY], allowed_ips: ['10.0.0.0/8'] }
  const { dashgate } = await adminPlace(t, { 'team.json': JSON.stringify(settings), 'less.json': '{"name":null,"budgets":null}', 'bad.json': '{', 'list.json': '[]' })
  const made = await dashgate('team', 'create', 'search', '--settings', 'team.json', '--concurrent-requests', '6', '--budget', 'more=1tokens/hour', '--json')
  t.match(JSON.parse(made.stdout), { ...settings, concurrent_requests: 6, budgets: [DAILY, { id: 'more', period: 'hour' }] })
  const less = JSON.parse((await dashgate('team', 'set', 'search', '--settings', 'less.json', '--json')).stdout)
  t.notOk('name' in less || 'budgets' in less)
  t.equal(less.concurrent_requests, 6)
  for (const file of ['bad.json', 'none.json', 'list.json']) t.match(await dashgate('team', 'set', 'search', '--settings', file), { code: 2, stderr: new RegExp(file) }, file)
})

t.test('settings may come on standard input', async (t) => {
  const { folder, url } = await adminPlace(t)
  const place = { folder, environment: { DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN }, input: '{"name":"piped"}' }
  const { code, stdout } = await run(['team', 'create', 'search', '--settings', '-', '--url', url, '--json'], place)
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { id: 'search', name: 'piped' })
})

t.test('what the gateway finds wrong ends with 2, and what is in the way with 1', async (t) => {
  const { dashgate, call } = await adminPlace(t)
  await call('POST', '/teams', { id: 'search' })
  t.match(await dashgate('team', 'create', 'search'), { code: 1, stderr: 'error: There is a team "search" already.\n' })
  t.match(await dashgate('team', 'create', 'Search'), { code: 2, stderr: /^error: id must match/ })
  t.match(await dashgate('team', 'create', 'a', '--budget', 'daily=1tokens/day@Nowhere'), { code: 2, stderr: /budgets\[0\]\.time_zone must be the IANA name/ })
  const json = await dashgate('team', 'create', 'a', '--budget', 'daily=0.5tokens/day', '--json')
  t.same([json.code, JSON.parse(json.stdout)], [2, { error: 'budgets[0].amount must be a whole number of tokens.' }])
})

t.test('options that make no sense end with 2 before anything is asked', async (t) => {
  const { dashgate } = await adminPlace(t)
  const bad = [['--budget', 'daily'], ['--budget', 'daily=5tokens'], ['--budget', 'daily=5tokens/fortnight'], ['--budget', '=5tokens/day'], ['--budget', 'd=-5tokens/day'], ['--budget', 'd=5yuan/day'],
    ['--requests-per-minute', 'x'], ['--requests-per-minute', '-1'], ['--on-store-down', 'pray'], ['--token', 'x']]
  await Promise.all(bad.map(async (options) => t.match(await dashgate('team', 'create', 'a', ...options), { code: 2, stdout: '' }, options.join(' '))))
  t.equal((await dashgate('team', 'list')).stdout, 'There are no teams.\n')
})
