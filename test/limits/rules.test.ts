import t from 'tap'
import fc from 'fast-check'
import { accountOf, MODEL, someRules } from './scene.ts'
import { allRules, rulesFor, teamRules } from '../../src/limits/rules.ts'
import type { RateRule, Rule } from '../../src/limits/rules.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

function counters (rules: readonly Rule[]): string[] {
  return rules.map(({ counterId }) => counterId)
}

function flowOf (setting: NonNullable<TeamSettings['requests_per_minute']>, name: 'requests_per_minute' | 'tokens_per_minute'): Partial<RateRule> {
  const [rule] = rulesFor(accountOf({ [name]: setting }), MODEL)
  if (rule?.kind !== 'rate') throw new Error('no rate')
  return { limit: rule.limit, perMinute: rule.perMinute, burst: rule.burst }
}

const EVERYTHING = {
  requests_per_minute: 600,
  tokens_per_minute: 1_000_000,
  concurrent_requests: 50,
  budgets: [{ id: 'daily', unit: 'tokens', period: 'day' as const, amount: 5_000_000, time_zone: 'Asia/Shanghai' }]
}

t.test('a team without limits has no rules', async (t) => {
  t.strictSame(rulesFor(accountOf({ models: ['qwen-*'], allowed_ips: ['10.0.0.0/8'] }), MODEL), [])
})

t.test('every limit of a team becomes a rule', async (t) => {
  const place = { scope: 'team', perModelId: undefined }
  t.strictSame(rulesFor(accountOf(EVERYTHING), MODEL), [
    { kind: 'rate', ...place, counterId: 't.rpm', id: 'requests_per_minute', unit: 'requests', limit: 600, perMinute: 600, burst: 100 },
    { kind: 'rate', ...place, counterId: 't.tpm', id: 'tokens_per_minute', unit: 'tokens', limit: 1_000_000, perMinute: 1_000_000, burst: 1_000_000 },
    { kind: 'concurrency', ...place, counterId: 't.conc', id: 'concurrent_requests', unit: 'requests', limit: 50 },
    {
      kind: 'budget',
      ...place,
      counterId: 't.b.daily',
      id: 'daily',
      unit: 'tokens',
      amount: 5_000_000,
      calendar: { period: 'day', timeZone: 'Asia/Shanghai', expiresAtMs: undefined }
    }
  ])
})

t.test('limits of a team, its key, and some models of either stand side by side under names of their own', async (t) => {
  const settings = { ...EVERYTHING, per_model: [{ id: 'coders', models: ['qwen-coder-*'], ...EVERYTHING }, { id: 'max', models: ['qwen-max*'], ...EVERYTHING }] }
  const account = accountOf(settings, settings)
  const own = ['rpm', 'tpm', 'conc', 'b.daily']
  t.strictSame(counters(rulesFor(account, MODEL)), [
    ...own.map((name) => `t.${name}`), ...own.map((name) => `t.m.coders.${name}`), ...own.map((name) => `k.k1.${name}`), ...own.map((name) => `k.k1.m.coders.${name}`)
  ])
  t.strictSame([...new Set(rulesFor(account, MODEL).map(({ scope, perModelId }) => `${scope} ${perModelId}`))],
    ['team undefined', 'team_model coders', 'key undefined', 'key_model coders'])
  t.equal(rulesFor(account, 'qwen-plus').length, 8)
})

t.test('a budget for some models is no rule for the others', async (t) => {
  const quota = { id: 'free', unit: 'tokens', period: 'total' as const, amount: 1_000_000, models: ['qwen-coder-turbo*'] }
  const account = accountOf({ budgets: [quota], per_model: [{ id: 'coders', models: ['qwen-coder-*'], budgets: [quota] }] })
  t.strictSame(counters(rulesFor(account, 'qwen-coder-turbo-latest')), ['t.b.free', 't.m.coders.b.free'])
  t.strictSame(counters(rulesFor(account, 'qwen-coder-plus')), [])
})

t.test('whoever asks for all limits gets also those for other models', async (t) => {
  const quota = { id: 'free', unit: 'tokens', period: 'total' as const, amount: 1, models: ['qwen-max'] }
  const account = accountOf({ budgets: [quota] }, { requests_per_minute: 5, per_model: [{ id: 'max', models: ['qwen-max'], concurrent_requests: 1 }] })
  t.strictSame(counters(rulesFor(account, MODEL)), ['k.k1.rpm'])
  t.strictSame(counters(allRules(account)), ['t.b.free', 'k.k1.rpm', 'k.k1.m.max.conc'])
  t.strictSame(counters(teamRules(account.team)), ['t.b.free'])
})

t.test('a burst of requests is ten seconds\' worth, but never fewer than ten while the limit allows them', async (t) => {
  const bursts = [1, 5, 10, 11, 60, 61, 600, 601].map((limit) => flowOf(limit, 'requests_per_minute').burst)
  t.strictSame(bursts, [1, 5, 10, 10, 10, 11, 100, 101])
  t.strictSame(flowOf({ limit: 600 }, 'requests_per_minute'), { limit: 600, perMinute: 600, burst: 100 })
})

t.test('a burst of tokens is the whole limit', async (t) => {
  t.strictSame(flowOf(10_000, 'tokens_per_minute'), { limit: 10_000, perMinute: 10_000, burst: 10_000 })
})

t.test('a burst that is set is taken, and where the limit is strict only the rest of it flows back', async (t) => {
  t.strictSame(flowOf({ limit: 600, burst: 7 }, 'requests_per_minute'), { limit: 600, perMinute: 600, burst: 7 })
  t.strictSame(flowOf({ limit: 600, burst: 100, strict: true }, 'requests_per_minute'), { limit: 600, perMinute: 500, burst: 100 })
  t.strictSame(flowOf({ limit: 600, burst: 100, strict: false }, 'tokens_per_minute'), { limit: 600, perMinute: 600, burst: 100 })
})

t.test('money is counted in nano-units, moved by digits', async (t) => {
  const amounts = [300, 0.1, 12.345678901, 4_503_599].map((amount) => {
    const [rule] = rulesFor(accountOf({ budgets: [{ id: 'money', unit: 'CNY', period: 'month', amount }] }), MODEL)
    return rule?.kind === 'budget' && [rule.unit, rule.amount]
  })
  t.strictSame(amounts, [['CNY', 300_000_000_000], ['CNY', 100_000_000], ['CNY', 12_345_678_901], ['CNY', 4_503_599_000_000_000]])
})

t.test('rules are worked out once for the same documents, and anew when one is replaced', async (t) => {
  const account = accountOf(EVERYTHING, { requests_per_minute: 5 })
  const rules = rulesFor(account, MODEL)
  t.equal(rulesFor({ ...account }, MODEL), rules)
  t.not(rulesFor(account, 'qwen-plus'), rules)
  t.equal(rulesFor(account, MODEL), rules)
  t.strictSame(counters(rulesFor({ ...account, key: accountOf({}, {}).key }, MODEL)), ['t.rpm', 't.tpm', 't.conc', 't.b.daily'])
  t.strictSame(counters(rulesFor({ ...account, team: accountOf({}, {}).team }, MODEL)), ['k.k1.rpm'])
})

t.test('made-up models do not gather for ever', async (t) => {
  const account = accountOf(EVERYTHING)
  const first = rulesFor(account, 'model-0')
  for (let index = 1; index < 1_000; index++) rulesFor(account, `model-${index}`)
  t.equal(rulesFor(account, 'model-0'), first)
  rulesFor(account, 'one-too-many')
  t.not(rulesFor(account, 'model-0'), first)
  t.strictSame(rulesFor(account, 'model-0'), first)
})

t.test('no two rules of a request have the same counter, and no span of a minute exceeds a strict limit', async () => {
  fc.assert(fc.property(someRules, (rules) => {
    const isStrictHeld = rules.every((rule) => rule.kind !== 'rate' || rule.perMinute === rule.limit || rule.burst + rule.perMinute === rule.limit)
    return new Set(counters(rules)).size === rules.length && isStrictHeld
  }))
})
