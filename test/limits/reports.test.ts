import t from 'tap'
import fc from 'fast-check'
import { amountsOf, budget, decisionOf, MODEL, NOW_MS, accountOf, places, rate, someAmounts, someDecisions, someRules } from './scene.ts'
import { BUCKET_UNITS, judge, refilled } from '../../src/limits/claim.ts'
import { claimsFor } from '../../src/limits/claims.ts'
import { decisive, reportBody, reportsFor, standingsBefore } from '../../src/limits/reports.ts'
import { rulesFor } from '../../src/limits/rules.ts'
import type { LimitReport } from '../../src/metering/limit-report.ts'

const DAY = { period: 'day' as const, time_zone: 'Asia/Shanghai' }
const DAY_END_MS = Date.parse('2026-11-26T00:00:00+08:00')

function reportOf (...arguments_: Parameters<typeof decisionOf>): LimitReport {
  const [report, ...others] = reportsFor(decisionOf(...arguments_))
  if (report === undefined || others.length > 0) throw new Error(`${others.length + 1} reports`)
  return report
}

t.test('a rate that holds enough shows what is missing and when it is full', async (t) => {
  t.strictSame(reportOf({ requests_per_minute: 600 }, amountsOf(1, 1), [rate(40)]), {
    scope: 'team',
    perModelId: undefined,
    id: 'requests_per_minute',
    kind: 'rate',
    unit: 'requests',
    amount: 600,
    used: 60,
    held: 0,
    requested: 1,
    remaining: 40,
    resetsAtMs: NOW_MS + 6_000,
    allows: true,
    retryAfterMs: undefined
  })
})

t.test('of a rate\'s parts nothing is rounded in the client\'s favour', async (t) => {
  t.match(reportOf({ requests_per_minute: 600 }, amountsOf(1, 1), [{ kind: 'rate', level: 40.5 * BUCKET_UNITS }]), { used: 60, remaining: 40 })
  t.match(reportOf({ requests_per_minute: 600 }, amountsOf(1, 1), [{ kind: 'rate', level: BUCKET_UNITS - 1 }]),
    { used: 100, remaining: 0, allows: false, retryAfterMs: 1 })
})

t.test('a bucket in debt has used more than it holds', async (t) => {
  t.match(reportOf({ tokens_per_minute: 1_000 }, amountsOf(50, 50), [rate(-200)]),
    { amount: 1_000, used: 1_200, requested: 100, remaining: 0, allows: false, retryAfterMs: 18_000, resetsAtMs: NOW_MS + 72_000 })
})

t.test('a request larger than its burst never fits', async (t) => {
  t.match(reportOf({ tokens_per_minute: 1_000 }, amountsOf(600, 401), [rate(1_000)]), { requested: 1_001, remaining: 1_000, allows: false, retryAfterMs: 'never' })
})

t.test('places under way are shown, and nobody knows when one gets free', async (t) => {
  t.match(reportOf({ concurrent_requests: 3 }, amountsOf(1, 1), [places(2)]), { amount: 3, used: 2, requested: 1, remaining: 1, allows: true, resetsAtMs: undefined })
  t.match(reportOf({ concurrent_requests: 3 }, amountsOf(1, 1), [places(4)]), { used: 4, remaining: 0, allows: false, retryAfterMs: 1_000 })
})

t.test('a budget tells what is spent from what is held', async (t) => {
  const settings = { budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000_000, ...DAY }] }
  t.match(reportOf(settings, amountsOf(400, 500), [budget(4_999_100, 800)]), {
    id: 'daily',
    kind: 'budget',
    unit: 'tokens',
    amount: 5_000_000,
    used: 4_999_100,
    held: 800,
    requested: 900,
    remaining: 100,
    allows: false,
    retryAfterMs: DAY_END_MS - NOW_MS,
    resetsAtMs: DAY_END_MS
  })
  t.match(reportOf(settings, amountsOf(50, 50), [budget(4_999_100, 800)]), { requested: 100, remaining: 100, allows: true, retryAfterMs: undefined })
})

t.test('a total never begins anew', async (t) => {
  const settings = { budgets: [{ id: 'gift', unit: 'tokens', amount: 1_000, period: 'total' as const }] }
  t.match(reportOf(settings, amountsOf(1, 1), [budget(1_000)]), { allows: false, retryAfterMs: 'never', resetsAtMs: undefined })
  t.match(reportOf(settings, amountsOf(1, 1), [budget(0)]), { allows: true, retryAfterMs: undefined, resetsAtMs: undefined })
})

t.test('nobody is told to wait for a budget that expires instead of beginning anew', async (t) => {
  for (const period of ['day', 'total'] as const) {
    const settings = { budgets: [{ id: 'gift', unit: 'tokens', amount: 1_000, period, expires_at: '2026-11-25T20:00:00+08:00' }] }
    t.match(reportOf(settings, amountsOf(1, 1), [budget(1_000)]), { amount: 1_000, allows: false, retryAfterMs: 'never', resetsAtMs: undefined }, period)
    t.match(reportOf(settings, amountsOf(1, 1), [budget(0)]), { allows: true, retryAfterMs: undefined, resetsAtMs: undefined }, period)
  }
  const expired = { budgets: [{ id: 'gift', unit: 'tokens', amount: 1_000, expires_at: '2026-11-25T09:00:00+08:00', ...DAY }] }
  t.match(reportOf(expired, amountsOf(1, 1), [budget(0)]), { amount: 0, remaining: 0, allows: false, retryAfterMs: 'never', resetsAtMs: undefined })
})

t.test('a standing of another kind or window is an error and no figure', async (t) => {
  const settings = { budgets: [{ id: 'daily', unit: 'tokens', amount: 5, ...DAY }] }
  t.throws(() => reportOf(settings, amountsOf(1, 1), [places(0)]), TypeError)
  t.throws(() => reportOf(settings, amountsOf(1, 1), [budget(0, 0, 7)]), RangeError)
  t.throws(() => reportOf(settings, amountsOf(1, 1), []), RangeError)
})

t.test('the longest wait decides, and a budget before a rate', async (t) => {
  const settings = { requests_per_minute: 60, tokens_per_minute: 1_000, concurrent_requests: 1, budgets: [{ id: 'daily', unit: 'tokens', amount: 1_000, ...DAY }] }
  const decided = (...[requests, tokens, inFlight, spent]: [number, number, number, number]): string | undefined =>
    decisive(reportsFor(decisionOf(settings, amountsOf(50, 50), [rate(requests), rate(tokens), places(inFlight), budget(spent)])))?.id
  t.equal(decided(10, 1_000, 0, 0), undefined)
  t.equal(decided(0, 1_000, 0, 0), 'requests_per_minute')
  t.equal(decided(0, 0, 0, 0), 'tokens_per_minute', 'six seconds are longer than one')
  t.equal(decided(10, 1_000, 1, 0), 'concurrent_requests')
  t.equal(decided(0, 1_000, 1, 0), 'requests_per_minute', 'of two seconds the rate\'s')
  t.equal(decided(0, 0, 1, 1_000), 'daily')
  const tooLarge = decisionOf(settings, amountsOf(900, 900), [rate(10), rate(1_000), places(0), budget(0)])
  t.equal(decisive(reportsFor(tooLarge))?.id, 'daily', 'of two that never fit the budget')
  const full = { kind: 'rate' as const, level: 0 }
  t.equal(decisive(reportsFor(decisionOf({ ...settings, tokens_per_minute: 99 }, amountsOf(50, 50), [full, rate(99), places(1), budget(1_000)])))?.id,
    'tokens_per_minute', 'never is longer than a day')
})

t.test('a repeated reservation is taken out of its own standings', async (t) => {
  const settings = { requests_per_minute: 60, tokens_per_minute: 1_000, concurrent_requests: 2, budgets: [{ id: 'daily', unit: 'tokens', amount: 1_000, ...DAY }] }
  const { claims } = decisionOf(settings, amountsOf(60, 40), [])
  const before = [rate(5), rate(1_000), places(1), budget(500, 300)]
  t.strictSame(standingsBefore(claims, [rate(4), rate(900), places(2), budget(500, 400)]), before)
  t.strictSame(standingsBefore(claims, [rate(4), rate(950), places(2), budget(500, 400)]), before, 'a bucket is never above its brim')
  t.match(standingsBefore(claims, [rate(4), rate(900), places(2), budget(0, 0)])[3], { held: 0 }, 'in another window it was never held')
  t.throws(() => standingsBefore([], [rate(4)]), TypeError)
})

t.test('answers show money as a decimal text and all else as numbers', async (t) => {
  const money = { budgets: [{ id: 'money', unit: 'CNY', amount: 300, ...DAY }], per_model: [] }
  t.strictSame(reportBody(reportOf(money, amountsOf(10, 10), [budget(299_999_900_001, 50_000)])), {
    scope: 'team',
    id: 'money',
    kind: 'budget',
    unit: 'CNY',
    amount: '300',
    used: '299.999900001',
    held: '0.00005',
    requested: '0.0002',
    remaining: '0.000049999',
    allows: false,
    retry_after_seconds: 50_400,
    resets_at: '2026-11-25T16:00:00.000Z'
  })
  const some = { per_model: [{ id: 'coders', models: ['qwen-*'], tokens_per_minute: 1_000 }] }
  t.strictSame(reportBody(reportOf(some, amountsOf(60, 40), [rate(99)])), {
    scope: 'team_model',
    per_model: 'coders',
    id: 'tokens_per_minute',
    kind: 'rate',
    unit: 'tokens',
    amount: 1_000,
    used: 901,
    held: 0,
    requested: 100,
    remaining: 99,
    allows: false,
    retry_after_seconds: 1,
    resets_at: '2026-11-25T02:00:54.060Z'
  })
})

t.test('where waiting does not help, or nobody knows until when, answers say null', async (t) => {
  t.match(reportBody(reportOf({ concurrent_requests: 0 }, amountsOf(1, 1), [places(0)])), { allows: false, retry_after_seconds: null, resets_at: null })
  t.match(reportBody(reportOf({ concurrent_requests: 1 }, amountsOf(1, 1), [places(0)])), { allows: true, retry_after_seconds: null, resets_at: null })
})

t.test('a limit allows what it has left, and says so of the same requests as the store', async () => {
  fc.assert(fc.property(someDecisions, ({ decision }) => reportsFor(decision).every((report, index) => {
    const [claim, standing] = [decision.claims[index], decision.standings[index]]
    if (claim === undefined || standing === undefined) return false
    if (report.allows !== judge(claim, standing, NOW_MS).allows || report.allows !== (report.retryAfterMs === undefined)) return false
    // A debt, or a budget overdrawn, refuses also what asks for nothing.
    return report.requested === 0 || report.allows === (report.requested <= report.remaining)
  })), { numRuns: 500 })
})

t.test('a budget has left what is neither spent nor held, and a bucket what is not missing', async () => {
  fc.assert(fc.property(someDecisions, ({ decision }) => reportsFor(decision).every((report, index) => {
    const rule = decision.rules[index]
    if (rule?.kind === 'rate') return report.remaining === Math.max(0, rule.burst - report.used)
    return report.remaining === Math.max(0, report.amount - report.used - report.held)
  })))
})

t.test('a bucket holds enough after exactly the wait that is told, and is full at the moment that is told', async () => {
  fc.assert(fc.property(someDecisions, ({ decision }) => reportsFor(decision).every((report, index) => {
    const [claim, standing] = [decision.claims[index], decision.standings[index]]
    if (claim?.kind !== 'rate' || standing?.kind !== 'rate' || report.resetsAtMs === undefined) return true
    const at = (afterMs: number): number => refilled({ level: standing.level, timeMs: NOW_MS }, claim, NOW_MS + afterMs)
    const fullMs = report.resetsAtMs - NOW_MS
    const isFull = at(fullMs) === claim.burst * BUCKET_UNITS && (fullMs === 0 || at(fullMs - 1) < claim.burst * BUCKET_UNITS)
    if (typeof report.retryAfterMs !== 'number') return isFull
    const isEnough = (afterMs: number): boolean => judge(claim, { kind: 'rate', level: at(afterMs) }, NOW_MS + afterMs).allows
    return isFull && isEnough(report.retryAfterMs) && !isEnough(report.retryAfterMs - 1)
  })))
})

t.test('what decides refuses, and nothing that refuses keeps the request away for longer', async () => {
  fc.assert(fc.property(someDecisions, ({ decision }) => {
    const reports = reportsFor(decision)
    const decided = decisive(reports)
    if (decided === undefined) return reports.every(({ allows }) => allows)
    const wait = (report: LimitReport): number => typeof report.retryAfterMs === 'number' ? report.retryAfterMs : Infinity
    return !decided.allows && reports.every((report) => report.allows || wait(report) <= wait(decided))
  }))
})

t.test('taking a reservation out again leaves the standings as they were', async () => {
  fc.assert(fc.property(someRules, someAmounts, (rules, amounts) => {
    const claims = claimsFor(rules, amounts, NOW_MS)
    const before = claims.map((claim) => claim.kind === 'rate' ? rate(claim.burst) : claim.kind === 'budget' ? budget(3, 4) : places(1))
    const after = claims.map((claim) => claim.kind === 'rate' ? rate(claim.burst - claim.cost) : claim.kind === 'budget' ? budget(3, 4 + claim.cost) : places(2))
    return JSON.stringify(standingsBefore(claims, after)) === JSON.stringify(before)
  }))
})

t.test('reports are in the order of the rules, whatever they are', async (t) => {
  const rules = rulesFor(accountOf({ concurrent_requests: 1, requests_per_minute: 5 }, { concurrent_requests: 2 }), MODEL)
  const reports = reportsFor({ rules, claims: claimsFor(rules, amountsOf(1, 1), NOW_MS), standings: [rate(5), places(0), places(1)], nowMs: NOW_MS })
  t.strictSame(reports.map(({ scope, id, used }) => [scope, id, used]), [['team', 'requests_per_minute', 0], ['team', 'concurrent_requests', 0], ['key', 'concurrent_requests', 1]])
})
