import t from 'tap'
import { checkSettings } from '../../src/accounts/checks.ts'
import type { KeySettings, TeamSettings } from '../../src/accounts/account.ts'

type Budget = NonNullable<TeamSettings['budgets']>[number]

const DAILY: Budget = { id: 'daily', unit: 'tokens', period: 'day', amount: 5_000_000, time_zone: 'Asia/Shanghai' }
const FREE: Budget = { id: 'free-quota', unit: 'tokens', period: 'total', amount: 1_000_000, expires_at: '2027-05-22T00:00:00+08:00', models: ['qwen-coder-turbo*'] }

function fieldsOf (settings: TeamSettings | KeySettings): string[] {
  return checkSettings(settings).map(({ field }) => field)
}

function budgetFields (changes: Partial<Budget>): string[] {
  return fieldsOf({ budgets: [{ ...DAILY, ...changes }] })
}

t.test('settings that make sense have no fault', async (t) => {
  t.same(checkSettings({}), [])
  t.same(checkSettings({
    requests_per_minute: 600,
    tokens_per_minute: { limit: 1_000_000, burst: 500_000, strict: true },
    concurrent_requests: 0,
    budgets: [DAILY, { id: 'monthly', unit: 'CNY', period: 'month', amount: 300, alert_at: [0.8, 1] }, FREE],
    per_model: [{ id: 'big', models: ['qwen-max*'], requests_per_minute: { limit: 10, burst: 10 }, budgets: [DAILY] }],
    models: ['qwen-*'],
    allowed_ips: ['10.0.0.0/8', '::1'],
    on_store_down: 'deny'
  }), [])
  t.same(checkSettings({ expires_at: '2027-05-22T00:00:00Z' }), [])
})

t.test('a burst is at most the limit, and with strict below it', async (t) => {
  t.same(fieldsOf({ requests_per_minute: { limit: 10, burst: 11 } }), ['requests_per_minute.burst'])
  t.same(fieldsOf({ tokens_per_minute: { limit: 10, burst: 10, strict: true } }), ['tokens_per_minute.burst'])
  t.same(fieldsOf({ tokens_per_minute: { limit: 10, strict: true } }), ['tokens_per_minute.burst'])
  t.same(fieldsOf({ tokens_per_minute: { limit: 10, burst: 9, strict: true } }), [])
  t.same(fieldsOf({ tokens_per_minute: { limit: 10, strict: false } }), [])
})

t.test('tokens are whole, and money is exact to nine decimals', async (t) => {
  for (const amount of [0, 1, 2 ** 52]) t.same(budgetFields({ amount }), [])
  t.same(budgetFields({ amount: 1.5 }), ['budgets[0].amount'])
  for (const amount of [0, 300, 0.000000001, 1e-9, 2.5e-7, 12.345678901, 4_503_598.999999999, 4_503_599]) t.same(budgetFields({ unit: 'CNY', amount }), [], String(amount))
  for (const amount of [1e-10, 0.0000000015, 1.0000000001, 4_503_599.1, 4_503_600, 2 ** 52]) t.same(budgetFields({ unit: 'CNY', amount }), ['budgets[0].amount'], String(amount))
})

t.test('a zone exists, and a total has none', async (t) => {
  for (const zone of ['UTC', 'Asia/Shanghai', 'America/Argentina/Buenos_Aires', 'Etc/GMT-8']) t.same(budgetFields({ time_zone: zone }), [], zone)
  for (const zone of ['', 'Asia/Nowhere', '+08:00', '-08', 'Shanghai', 'UTC+8', ' UTC', '中国']) t.same(budgetFields({ time_zone: zone }), ['budgets[0].time_zone'], zone)
  t.same(budgetFields({ period: 'total' }), ['budgets[0].time_zone'])
})

t.test('a time of expiry says its offset', async (t) => {
  t.same(budgetFields({ expires_at: '2027-05-22T00:00:00' }), ['budgets[0].expires_at'])
  t.same(fieldsOf({ expires_at: 'soon' } as KeySettings), ['expires_at'])
})

t.test('ids are told apart in each list', async (t) => {
  t.same(fieldsOf({ budgets: [DAILY, FREE, DAILY] }), ['budgets[2].id'])
  const entry = { id: 'big', models: ['qwen-max'] }
  t.same(fieldsOf({ per_model: [entry, entry] }), ['per_model[1].id'])
  t.same(fieldsOf({ budgets: [DAILY], per_model: [{ ...entry, budgets: [DAILY] }] }), [])
})

t.test('everything that is wrong is told at once, with its field and why', async (t) => {
  t.strictSame(checkSettings({
    requests_per_minute: { limit: 1, burst: 2 },
    budgets: [{ ...DAILY, amount: 0.5, time_zone: 'Nowhere', expires_at: 'x' }],
    per_model: [{ id: 'big', models: ['*'], tokens_per_minute: { limit: 1, burst: 2 }, budgets: [DAILY, DAILY] }],
    allowed_ips: ['10.0.0.0/8', 'office']
  }), [
    { field: 'requests_per_minute.burst', message: 'must not be above the limit' },
    { field: 'budgets[0].amount', message: 'must be a whole number of tokens' },
    { field: 'budgets[0].time_zone', message: 'must be the IANA name of a zone, such as Asia/Shanghai' },
    { field: 'budgets[0].expires_at', message: 'must be a time with its offset, such as 2027-05-22T00:00:00+08:00' },
    { field: 'per_model[0].tokens_per_minute.burst', message: 'must not be above the limit' },
    { field: 'per_model[0].budgets[1].id', message: 'another entry is named "daily"' },
    { field: 'allowed_ips[1]', message: 'must be an address or a network such as 10.0.0.0/8' }
  ])
})

t.test('a zone that only Intl knows is refused, because windows could not follow it', async (t) => {
  const faults = (zone: string) => checkSettings({ budgets: [{ id: 'a', unit: 'tokens', period: 'day', amount: 1, time_zone: zone }] })
  for (const zone of ['PST', 'JST', 'Nowhere/City', '+08:00']) t.match(faults(zone), [{ field: 'budgets[0].time_zone' }], zone)
  for (const zone of ['Asia/Shanghai', 'UTC', 'Etc/GMT-8']) t.same(faults(zone), [], zone)
})

t.test('one team or key may have 64 limits', async (t) => {
  const budgets = Array.from({ length: 16 }, (_, index) => ({ id: `b${index}`, unit: 'tokens', period: 'day' as const, amount: 1 }))
  const perModel = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `m${index}`, models: ['*'], budgets }))
  t.same(checkSettings({ budgets, per_model: perModel(3) }), [])
  t.match(checkSettings({ concurrent_requests: 1, budgets, per_model: perModel(3) }), [{ field: '', message: /65 limits/ }])
})

t.test('a budget keeps its unit: what was spent of it is kept under its id', async (t) => {
  const budget = (unit: string) => ({ id: 'monthly', unit, period: 'month' as const, amount: 5 })
  t.match(checkSettings({ budgets: [budget('tokens')] }, { budgets: [budget('CNY')] }), [{ field: 'budgets[0].unit' }])
  t.same(checkSettings({ budgets: [budget('CNY')] }, { budgets: [budget('CNY')] }), [])
  const perModel = (unit: string) => [{ id: 'big', models: ['*'], budgets: [budget(unit)] }]
  t.match(checkSettings({ per_model: perModel('USD') }, { per_model: perModel('CNY') }), [{ field: 'per_model[0].budgets[0].unit' }])
  t.same(checkSettings({ per_model: perModel('tokens') }, { budgets: [budget('CNY')] }), [], 'another place, another counter')
})
