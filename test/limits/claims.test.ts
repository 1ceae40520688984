import t from 'tap'
import fc from 'fast-check'
import { accountOf, amountsOf, budget, MODEL, NOW_MS, places, PRICE, rate, someAmounts, someRules, usageOf } from './scene.ts'
import { AMOUNT_MAX } from '../../src/limits/claim.ts'
import { chargesFor, claimsFor, unpricedRule, windowIds } from '../../src/limits/claims.ts'
import { tierOf } from '../support/prices.ts'
import { rulesFor } from '../../src/limits/rules.ts'

const DAY = { time_zone: 'Asia/Shanghai', period: 'day' as const }
const RULES = rulesFor(accountOf({
  requests_per_minute: 600,
  tokens_per_minute: { limit: 10_000, burst: 4_000, strict: true },
  concurrent_requests: 50,
  budgets: [{ id: 'daily', unit: 'tokens', amount: 5_000_000, ...DAY }, { id: 'money', unit: 'CNY', amount: 300, ...DAY }]
}), MODEL)
const START_MS = Date.parse('2026-11-25T00:00:00+08:00')
const WINDOW = { id: String(START_MS), startMs: START_MS, endMs: START_MS + 86_400_000 }
const WINDOW_IDS = [undefined, undefined, undefined, WINDOW.id, WINDOW.id]

t.test('a request claims itself, its place, and the most it can use', async (t) => {
  t.strictSame(claimsFor(RULES, amountsOf(1_500, 500), NOW_MS), [
    { kind: 'rate', id: 't.rpm', perMinute: 600, burst: 100, cost: 1 },
    { kind: 'rate', id: 't.tpm', perMinute: 6_000, burst: 4_000, cost: 2_000 },
    { kind: 'concurrency', id: 't.conc', limit: 50 },
    { kind: 'budget', id: 't.b.daily', cost: 2_000, windows: [{ ...WINDOW, amount: 5_000_000 }] },
    // A prompt of 1,000 tokens would be dearer than one of 1,500.
    { kind: 'budget', id: 't.b.money', cost: 1_000 * 4_000 + 500 * 16_000, windows: [{ ...WINDOW, amount: 300_000_000_000 }] }
  ])
})

t.test('the windows are those of the time that is given', async (t) => {
  const [, , , daily] = claimsFor(RULES, amountsOf(1, 1), NOW_MS + 86_400_000)
  t.equal(daily?.kind === 'budget' && daily.windows[0]?.startMs, START_MS + 86_400_000)
})

t.test('a budget of money needs a price in its own currency', async (t) => {
  t.equal(unpricedRule(RULES, PRICE), undefined)
  t.equal(unpricedRule(RULES, undefined), RULES[4])
  t.equal(unpricedRule(RULES, { ...PRICE, currency: 'USD' }), RULES[4])
  t.equal(unpricedRule(RULES.slice(0, 4), undefined), undefined, 'budgets of tokens need none')
})

t.test('who lets an unpriced request through holds and charges no money for it', async (t) => {
  for (const price of [undefined, { ...PRICE, currency: 'USD' }]) {
    const claims = claimsFor(RULES, { inputTokens: 10, outputTokens: 10, price }, NOW_MS)
    t.match(claims[4], { kind: 'budget', cost: 0 })
    t.match(claims[3], { kind: 'budget', cost: 20 })
    t.match(chargesFor({ rules: RULES, claims, windowIds: WINDOW_IDS }, usageOf(10, 5), price)[4], { cost: 0 })
  }
})

t.test('a cost that no counter could hold is more than any budget', async (t) => {
  const price = { currency: 'CNY', tiers: [tierOf(1, 1e12, 1e12)] }
  const claims = claimsFor(RULES, amountsOf(1_000_000, 1_000_000, price), NOW_MS)
  t.match(claims[4], { cost: AMOUNT_MAX })
  t.match(chargesFor({ rules: RULES, claims, windowIds: WINDOW_IDS }, usageOf(1_000_000, 1_000_000), price)[4], { cost: AMOUNT_MAX })
})

t.test('the window that was taken is the store\'s choice, or where none was asked that of the time', async (t) => {
  const claims = claimsFor(RULES, amountsOf(1, 1), WINDOW.endMs - 1)
  const nextId = String(WINDOW.endMs)
  t.strictSame(windowIds(claims, [rate(1), rate(1), places(0), budget(0, 0, 0), budget(0, 0, 1)]), [undefined, undefined, undefined, WINDOW.id, nextId])
  t.strictSame(windowIds(claims, WINDOW.endMs - 1), [undefined, undefined, undefined, WINDOW.id, WINDOW.id])
  t.strictSame(windowIds(claims, WINDOW.endMs), [undefined, undefined, undefined, nextId, nextId])
})

t.test('what was used is charged in the order of the claims', async (t) => {
  const claims = claimsFor(RULES, amountsOf(1_500, 500), NOW_MS)
  t.strictSame(chargesFor({ rules: RULES, claims, windowIds: WINDOW_IDS }, usageOf(1_400, 100), PRICE), [
    { kind: 'rate', id: 't.rpm', perMinute: 600, burst: 100, cost: 1 },
    { kind: 'rate', id: 't.tpm', perMinute: 6_000, burst: 4_000, cost: 1_500 },
    { kind: 'concurrency', id: 't.conc' },
    { kind: 'budget', id: 't.b.daily', windowId: WINDOW.id, cost: 1_500 },
    { kind: 'budget', id: 't.b.money', windowId: WINDOW.id, cost: 1_400 * 2_000 + 100 * 6_000 }
  ])
})

t.test('a void charges nothing, not even the request', async (t) => {
  const claims = claimsFor(RULES, amountsOf(1_500, 500), NOW_MS)
  const charges = chargesFor({ rules: RULES, claims, windowIds: WINDOW_IDS }, 'void', PRICE)
  t.strictSame(charges.map((charge) => charge.kind === 'concurrency' ? 0 : charge.cost), [0, 0, 0, 0, 0])
})

t.test('a budget whose window nobody knows is not charged by guess', async (t) => {
  const claims = claimsFor(RULES, amountsOf(1, 1), NOW_MS)
  t.throws(() => chargesFor({ rules: RULES, claims, windowIds: [] }, usageOf(1, 1), PRICE), RangeError)
  t.throws(() => chargesFor({ rules: [], claims, windowIds: WINDOW_IDS }, usageOf(1, 1), PRICE), RangeError)
})

t.test('whatever stays within its bounds is never charged more than was held for it', async () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(fc.property(someRules, someAmounts, share, share, (rules, amounts, inputShare, outputShare) => {
    const claims = claimsFor(rules, amounts, NOW_MS)
    const usage = usageOf(Math.round(amounts.inputTokens * inputShare), Math.round(amounts.outputTokens * outputShare))
    const charges = chargesFor({ rules, claims, windowIds: windowIds(claims, NOW_MS) }, usage, amounts.price)
    return charges.length === claims.length && claims.every((claim, index) => {
      const charge = charges[index]
      if (charge === undefined || charge.kind !== claim.kind || charge.id !== claim.id) return false
      return claim.kind === 'concurrency' || charge.kind === 'concurrency' || (Number.isSafeInteger(charge.cost) && charge.cost <= claim.cost)
    })
  }))
})
