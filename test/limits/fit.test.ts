import t from 'tap'
import fc from 'fast-check'
import { amountsOf, budget, decisionOf, NOW_MS, places, PRICE, rate, someDecisions } from './scene.ts'
import { claimsFor } from '../../src/limits/claims.ts'
import { judge } from '../../src/limits/claim.ts'
import { outputThatFits } from '../../src/limits/fit.ts'
import type { Amounts } from '../../src/limits/claims.ts'
import type { Decision } from '../../src/limits/reports.ts'

const DAY = { period: 'day' as const, time_zone: 'Asia/Shanghai' }
const DAILY = { budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000, ...DAY }] }

t.test('a budget of tokens leaves for the answer what the prompt does not take', async (t) => {
  const amounts = amountsOf(400, 8_192)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(1_000, 600)]), amounts, 1), 3_000)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(4_000, 599)]), amounts, 1), 1)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(4_000, 600)]), amounts, 1), undefined)
})

t.test('choices share what is left', async (t) => {
  const amounts = amountsOf(400, 3 * 8_192)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(1_000, 600)]), amounts, 3), 1_000)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(1_000, 601)]), amounts, 3), 999)
})

t.test('what is allowed as it is keeps its length', async (t) => {
  const amounts = amountsOf(400, 100)
  t.equal(outputThatFits(decisionOf(DAILY, amounts, [budget(0)]), amounts, 1), 100)
})

t.test('money is turned into the longest answer it can still pay, in the dearest tier the prompt may be in', async (t) => {
  const settings = { budgets: [{ id: 'money', unit: 'CNY', amount: 0.1, ...DAY }] }
  const amounts = amountsOf(1_500, 8_192)
  // 100,000,000 nano-yuan for 1,000 × 4,000 and the answer at 16,000 a token.
  t.equal(outputThatFits(decisionOf(settings, amounts, [budget(0)]), amounts, 1), 6_000)
  t.equal(outputThatFits(decisionOf(settings, amounts, [budget(1)]), amounts, 1), 5_999)
  t.equal(outputThatFits(decisionOf(settings, amounts, [budget(96_000_001)]), amounts, 1), undefined)
})

t.test('a rate that could never hold the request is fitted too, one that only has to fill is waited for', async (t) => {
  const amounts = amountsOf(400, 8_192)
  t.equal(outputThatFits(decisionOf({ tokens_per_minute: 5_000 }, amounts, [rate(5_000)]), amounts, 1), 4_600)
  t.equal(outputThatFits(decisionOf({ tokens_per_minute: 5_000 }, amounts, [rate(450.5)]), amounts, 1), 4_600, 'however empty its bucket is')
  t.equal(outputThatFits(decisionOf({ tokens_per_minute: 10_000 }, amounts, [rate(5_000)]), amounts, 1), undefined)
  const exact = amountsOf(400, 4_600)
  t.equal(outputThatFits(decisionOf({ tokens_per_minute: 5_000 }, exact, [rate(4_000)]), exact, 1), undefined, 'a full bucket holds all of it')
})

t.test('nothing fits while something else refuses', async (t) => {
  const amounts = amountsOf(400, 8_192)
  const settings = { requests_per_minute: 60, concurrent_requests: 1, ...DAILY }
  t.equal(outputThatFits(decisionOf(settings, amounts, [rate(1), places(0), budget(0)]), amounts, 1), 4_600)
  t.equal(outputThatFits(decisionOf(settings, amounts, [rate(0), places(0), budget(0)]), amounts, 1), undefined)
  t.equal(outputThatFits(decisionOf(settings, amounts, [rate(1), places(1), budget(0)]), amounts, 1), undefined)
})

t.test('an expired budget and a standing that is missing fit nothing', async (t) => {
  const amounts = amountsOf(1, 100)
  const expired = { budgets: [{ id: 'gift', unit: 'tokens', amount: 5_000, expires_at: '2026-11-25T09:00:00+08:00', ...DAY }] }
  t.equal(outputThatFits(decisionOf(expired, amounts, [budget(0)]), amounts, 1), undefined)
  t.throws(() => outputThatFits(decisionOf(DAILY, amounts, []), amounts, 1), RangeError)
})

/** Whether the limits that a shorter answer may satisfy allow one of so many tokens for each choice. */
function allowsOutput ({ rules, claims, standings }: Decision, amounts: Amounts): boolean {
  return claimsFor(rules, amounts, NOW_MS).every((claim, index) => {
    const [original, standing] = [claims[index], standings[index]]
    if (original === undefined || standing === undefined) return false
    const isPressing = original.kind === 'budget' || (original.kind === 'rate' && original.cost > original.burst)
    if (original.kind === 'rate' && claim.kind === 'rate') return !isPressing || claim.cost <= claim.burst
    return !isPressing || judge(claim, standing, NOW_MS).allows
  })
}

function othersAllow ({ claims, standings }: Decision): boolean {
  return claims.every((claim, index) => {
    const standing = standings[index]
    if (claim.kind === 'budget' || (claim.kind === 'rate' && claim.cost > claim.burst) || standing === undefined) return true
    return judge(claim, standing, NOW_MS).allows
  })
}

t.test('the answer that fits is allowed, and one longer by a token is not, or nobody asked for it', async (t) => {
  const seen = { fitted: 0, whole: 0, none: 0 }
  fc.assert(fc.property(someDecisions, fc.integer({ min: 1, max: 4 }), ({ decision, amounts }, choices) => {
    const fits = outputThatFits(decision, amounts, choices)
    const asked = Math.floor(amounts.outputTokens / choices)
    const allows = (tokens: number): boolean => allowsOutput(decision, { ...amounts, outputTokens: tokens * choices })
    if (fits === undefined) {
      seen.none++
      return !othersAllow(decision) || asked === 0 || !allows(1)
    }
    seen[fits === asked ? 'whole' : 'fitted']++
    return Number.isInteger(fits) && fits >= 1 && fits <= asked && othersAllow(decision) && allows(fits) && (fits === asked || !allows(fits + 1))
  }), { numRuns: 1_000 })
  t.ok(seen.fitted > 20 && seen.whole > 20 && seen.none > 20, JSON.stringify(seen))
})

t.test('a request whose limits all allow it fits as it is', async () => {
  fc.assert(fc.property(someDecisions, ({ decision, amounts }) => {
    const allAllow = decision.claims.every((claim, index) => {
      const standing = decision.standings[index]
      return standing !== undefined && judge(claim, standing, NOW_MS).allows
    })
    return !allAllow || outputThatFits(decision, amounts, 1) === amounts.outputTokens
  }))
})

t.test('where no price is known a budget of money does not shorten the answer', async (t) => {
  const settings = { budgets: [{ id: 'money', unit: 'CNY', amount: 0.000001, ...DAY }] }
  const unpriced = { inputTokens: 1_500, outputTokens: 8_192, price: { ...PRICE, currency: 'USD' } }
  t.equal(outputThatFits(decisionOf(settings, unpriced, [budget(0)]), unpriced, 1), 8_192)
})
