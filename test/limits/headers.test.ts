import t from 'tap'
import fc from 'fast-check'
import { accountOf, amountsOf, budget, decisionOf, MODEL, NOW_MS, places, rate, someDecisions } from './scene.ts'
import { BUCKET_UNITS, refilled } from '../../src/limits/claim.ts'
import { claimsFor } from '../../src/limits/claims.ts'
import { rateLimitHeaders } from '../../src/limits/headers.ts'
import { rulesFor } from '../../src/limits/rules.ts'

const DAY = { period: 'day' as const, time_zone: 'Asia/Shanghai' }

t.test('a granted request is told what the next one finds', async (t) => {
  const decision = decisionOf({ requests_per_minute: 600, tokens_per_minute: 10_000 }, amountsOf(400, 500), [rate(100), rate(9_000)])
  t.strictSame(rateLimitHeaders(decision, 'granted'), {
    'x-ratelimit-limit-requests': '600',
    'x-ratelimit-remaining-requests': '99',
    'x-ratelimit-reset-requests': '100ms',
    'x-ratelimit-limit-tokens': '10000',
    'x-ratelimit-remaining-tokens': '8100',
    'x-ratelimit-reset-tokens': '12s'
  })
})

t.test('a refused request took nothing', async (t) => {
  const decision = decisionOf({ tokens_per_minute: 10_000 }, amountsOf(400, 500), [rate(300.5)])
  t.strictSame(rateLimitHeaders(decision, 'refused'),
    { 'x-ratelimit-limit-tokens': '10000', 'x-ratelimit-remaining-tokens': '300', 'x-ratelimit-reset-tokens': '59s' })
})

t.test('without a rate there is no header', async (t) => {
  const settings = { concurrent_requests: 5, budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000, ...DAY }] }
  t.strictSame(rateLimitHeaders(decisionOf(settings, amountsOf(1, 1), [places(0), budget(0)]), 'granted'), {})
})

t.test('of several buckets the emptiest for its size is shown', async (t) => {
  const rules = rulesFor(accountOf({ requests_per_minute: 600 }, { requests_per_minute: 60 }), MODEL)
  const claims = claimsFor(rules, amountsOf(1, 1), NOW_MS)
  const limit = (team: number, key: number): string | undefined =>
    rateLimitHeaders({ rules, claims, standings: [rate(team), rate(key)], nowMs: NOW_MS }, 'refused')['x-ratelimit-limit-requests']
  t.equal(limit(90, 10), '600', 'nine tenths of 100 against all of 10')
  t.equal(limit(90, 8), '60')
  t.equal(limit(-5, 0), '600', 'a debt is emptier than empty')
})

t.test('a debt leaves nothing and takes longer', async (t) => {
  t.match(rateLimitHeaders(decisionOf({ tokens_per_minute: 1_000 }, amountsOf(1, 1), [rate(-500)]), 'refused'),
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m30s' })
})

t.test('durations are written as OpenAI writes them, rounded up to whole seconds from one on', async (t) => {
  const reset = (level: number): string | undefined =>
    rateLimitHeaders(decisionOf({ tokens_per_minute: { limit: 60, burst: 10_000 } }, amountsOf(1, 1), [{ kind: 'rate', level }]), 'refused')['x-ratelimit-reset-tokens']
  const full = 10_000 * BUCKET_UNITS
  const after = (milliseconds: number): string | undefined => reset(full - milliseconds * 60)
  t.strictSame([0, 1, 120, 999, 1_000, 1_001, 59_000, 59_001, 360_000, 3_600_000, 3_605_000, 9_999_000].map(after),
    ['0s', '1ms', '120ms', '999ms', '1s', '2s', '59s', '1m0s', '6m0s', '1h0m0s', '1h0m5s', '2h46m39s'])
})

t.test('the bucket that is shown is full by the reset, and has what is said to remain', async () => {
  const milliseconds = (text: string): number => {
    const [, hours = 0, minutes = 0, seconds = 0, rest = 0] = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text)?.map(Number) ?? []
    return ((Number(hours || 0) * 60 + Number(minutes || 0)) * 60 + Number(seconds || 0)) * 1_000 + Number(rest || 0)
  }
  fc.assert(fc.property(someDecisions, ({ decision }) => {
    const headers = rateLimitHeaders(decision, 'refused')
    return ['requests', 'tokens'].every((unit) => {
      const text = headers[`x-ratelimit-reset-${unit}`]
      const rates = decision.rules.flatMap((rule, index) => {
        const [claim, standing] = [decision.claims[index], decision.standings[index]]
        return rule.unit === unit && claim?.kind === 'rate' && standing?.kind === 'rate' ? [{ rule, claim, standing }] : []
      })
      if (text === undefined) return rates.length === 0
      return rates.some(({ rule, claim, standing }) => rule.kind === 'rate' && headers[`x-ratelimit-limit-${unit}`] === String(rule.limit) &&
        headers[`x-ratelimit-remaining-${unit}`] === String(Math.max(0, Math.floor(standing.level / BUCKET_UNITS))) &&
        refilled({ level: standing.level, timeMs: NOW_MS }, claim, NOW_MS + milliseconds(text)) === claim.burst * BUCKET_UNITS)
    })
  }))
})
