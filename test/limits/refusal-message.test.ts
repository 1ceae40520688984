import t from 'tap'
import fc from 'fast-check'
import { accountOf, amountsOf, budget, MODEL, NOW_MS, places, rate, someDecisions } from './scene.ts'
import { claimsFor } from '../../src/limits/claims.ts'
import { decisive, reportsFor } from '../../src/limits/reports.ts'
import { refusalMessage } from '../../src/limits/refusal-message.ts'
import { rulesFor } from '../../src/limits/rules.ts'
import type { Amounts } from '../../src/limits/claims.ts'
import type { Standing } from '../../src/limits/claim.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

const DAY = { period: 'day' as const, time_zone: 'Asia/Shanghai' }
const NAMES = { teamId: 'search', keyId: 'k1' }

/** What the first limit of a team, or of a key, says of a request. */
function message ({ of = 'team', settings, amounts, standing }: { of?: 'team' | 'key', settings: TeamSettings, amounts: Amounts, standing: Standing }): string {
  const rules = rulesFor(of === 'team' ? accountOf(settings) : accountOf({}, settings), MODEL)
  const report = decisive(reportsFor({ rules, claims: claimsFor(rules, amounts, NOW_MS), standings: [standing], nowMs: NOW_MS }))
  if (report === undefined) throw new Error('it is allowed')
  return refusalMessage(report, { ...NAMES, rules })
}

t.test('a spent budget gives its figures and the hour of its zone at which it begins anew', async (t) => {
  const settings = { budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000_000, ...DAY }] }
  t.equal(message({ settings, amounts: amountsOf(400, 500), standing: budget(4_999_200, 800) }),
    'The budget "daily" of team "search" is spent: 4,999,200 of 5,000,000 tokens used, 800 held by running requests, 900 requested. ' +
    'It begins anew at 2026-11-26T00:00:00+08:00.')
  t.equal(message({ of: 'key', settings, amounts: amountsOf(400, 500), standing: budget(4_999_100, 800) }),
    'The budget "daily" of key "k1" has too little left: 4,999,100 of 5,000,000 tokens used, 800 held by running requests, 900 requested. ' +
    'It begins anew at 2026-11-26T00:00:00+08:00.')
})

t.test('money is told with its decimals', async (t) => {
  const settings = { per_model: [{ id: 'coders', models: ['qwen-*'], budgets: [{ id: 'money', unit: 'CNY', amount: 1.5, ...DAY }] }] }
  t.equal(message({ settings, amounts: amountsOf(10, 10), standing: budget(1_499_900_000, 1) }),
    'The budget "money" of team "search" for the models "coders" has too little left: 1.4999 of 1.5 CNY used, ' +
    '0.000000001 held by running requests, 0.0002 requested. It begins anew at 2026-11-26T00:00:00+08:00.')
  t.equal(message({ settings, amounts: amountsOf(1_000, 100_000), standing: budget(0) }),
    'This request may cost up to 1.604 CNY, and the budget "money" of team "search" for the models "coders" is 1.5 CNY in all: ' +
    'lower max_tokens or shorten the prompt.')
})

t.test('a budget that will not begin anew says so', async (t) => {
  const total = { id: 'gift', unit: 'tokens', amount: 1_000, period: 'total' as const }
  const standing = budget(1_000)
  t.equal(message({ settings: { budgets: [total] }, amounts: amountsOf(1, 1), standing }),
    'The budget "gift" of team "search" is spent: 1,000 of 1,000 tokens used, 0 held by running requests, 2 requested. It never begins anew.')
  t.equal(message({ settings: { budgets: [{ ...total, expires_at: '2027-05-22T00:00:00Z' }] }, amounts: amountsOf(1, 1), standing }),
    'The budget "gift" of team "search" is spent: 1,000 of 1,000 tokens used, 0 held by running requests, 2 requested. ' +
    'It does not begin anew before it expires at 2027-05-22T00:00:00+00:00.')
  t.equal(message({ settings: { budgets: [{ ...total, ...DAY, expires_at: '2026-11-25T01:00:00Z' }] }, amounts: amountsOf(1, 1), standing: budget(0) }),
    'The budget "gift" of team "search" expired at 2026-11-25T09:00:00+08:00.')
  t.equal(message({ settings: { budgets: [{ ...total, amount: 0 }] }, amounts: amountsOf(1, 1), standing: budget(0) }),
    'The budget "gift" of team "search" allows nothing.')
})

t.test('a request too large for a limit is told what to do about it', async (t) => {
  const daily = { budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000, ...DAY }] }
  t.equal(message({ settings: daily, amounts: amountsOf(1_000, 8_192), standing: budget(0) }),
    'This request may use up to 9,192 tokens, and the budget "daily" of team "search" is 5,000 tokens in all: lower max_tokens or shorten the prompt.')
  t.equal(message({ settings: { tokens_per_minute: { limit: 20_000, burst: 5_000 } }, amounts: amountsOf(1_000, 8_192), standing: rate(5_000) }),
    'This request may use up to 9,192 tokens, and the limit "tokens_per_minute" of team "search" lets at most 5,000 through at once: ' +
    'lower max_tokens or shorten the prompt.')
})

t.test('a rate says what is left and when to try again', async (t) => {
  t.equal(message({ settings: { requests_per_minute: 600 }, amounts: amountsOf(1, 1), standing: rate(0) }),
    'The limit "requests_per_minute" of team "search" is reached: 600 requests a minute, 0 left now, 1 requested. Try again in 1 second.')
  t.equal(message({ of: 'key', settings: { tokens_per_minute: 10_000 }, amounts: amountsOf(400, 500), standing: rate(0.5) }),
    'The limit "tokens_per_minute" of key "k1" is reached: 10,000 tokens a minute, 0 left now, 900 requested. Try again in 6 seconds.')
  t.equal(message({ settings: { requests_per_minute: 1 }, amounts: amountsOf(1, 1), standing: rate(0) }),
    'The limit "requests_per_minute" of team "search" is reached: 1 request a minute, 0 left now, 1 requested. Try again in 60 seconds.')
})

t.test('full places are told, and a place that is never given', async (t) => {
  t.equal(message({ settings: { concurrent_requests: 50 }, amounts: amountsOf(1, 1), standing: places(50) }),
    'The limit "concurrent_requests" of team "search" is reached: 50 of 50 requests under way. Try again when one of them has ended.')
  t.equal(message({ settings: { concurrent_requests: 0 }, amounts: amountsOf(1, 1), standing: places(0) }),
    'The limit "concurrent_requests" of team "search" allows no requests.')
})

t.test('a report of other rules has no message', async (t) => {
  const rules = rulesFor(accountOf({ requests_per_minute: 1 }), MODEL)
  const [report] = reportsFor({ rules, claims: claimsFor(rules, amountsOf(1, 1), NOW_MS), standings: [rate(0)], nowMs: NOW_MS })
  if (report === undefined) throw new Error('no report')
  t.throws(() => refusalMessage(report, { ...NAMES, rules: [] }), RangeError)
  t.throws(() => refusalMessage(report, { ...NAMES, rules: rulesFor(accountOf({}, { requests_per_minute: 1 }), MODEL) }), RangeError)
})

t.test('a budget named as a limit is told apart from it', async (t) => {
  const settings = { requests_per_minute: 1, budgets: [{ id: 'requests_per_minute', unit: 'tokens', amount: 5, ...DAY }] }
  const rules = rulesFor(accountOf(settings), MODEL)
  const [, report] = reportsFor({ rules, claims: claimsFor(rules, amountsOf(1, 1), NOW_MS), standings: [rate(1), budget(5)], nowMs: NOW_MS })
  if (report === undefined) throw new Error('no report')
  t.match(refusalMessage(report, { ...NAMES, rules }), /^The budget "requests_per_minute" .* is spent/)
})

t.test('every refusal is one or two whole sentences without a hole', async () => {
  fc.assert(fc.property(someDecisions, ({ decision }) => reportsFor(decision).every((report) => {
    if (report.allows) return true
    const text = refusalMessage(report, { ...NAMES, rules: decision.rules })
    return /^(The|This) /.test(text) && text.endsWith('.') && !/undefined|NaN|null|Infinity|\d-\d{4}-|\s\s/.test(text)
  })))
})
