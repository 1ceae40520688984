import t from 'tap'
import fc from 'fast-check'
import { COST_NANO_MAX, decimalOfNano } from '../../src/core/money.ts'
import { costNano, costNanoMax, priceAt } from '../../src/metering/prices.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { tierOf } from '../support/prices.ts'
import type { Price } from '../../src/core/catalog.ts'
import type { Usage } from '../../src/core/usage.ts'

/** qwen-coder-turbo on the vendor's page: 0.002 yuan for a thousand tokens in and 0.006 out. */
const CODER_TURBO: Price = { currency: 'CNY', tiers: [tierOf(129_024, 2_000, 6_000)] }
const TIERED: Price = {
  currency: 'CNY',
  tiers: [
    tierOf(32_000, 4_000, 16_000),
    tierOf(128_000, 6_000, 24_000),
    tierOf(256_000, 10_000, 40_000)
  ]
}

function usage (inputTokens: number, outputTokens: number): Usage {
  return { ...NO_USAGE, inputTokens, outputTokens, source: 'reported' }
}

t.test('the vendor\'s example costs what it does by hand', async (t) => {
  t.equal(costNano(usage(85, 250), CODER_TURBO), 85 * 2_000 + 250 * 6_000)
  t.equal(costNano(usage(85, 250), CODER_TURBO), 1_670_000)
  t.equal(costNano(usage(1_000, 0), CODER_TURBO), 2_000_000, '0.002 yuan')
  t.equal(costNano(usage(0, 1_000), CODER_TURBO), 6_000_000, '0.006 yuan')
})

t.test('a tier holds up to its edge and then for every token', async (t) => {
  const costs: [number, number][] = [
    [0, 16_000], [1, 20_000], [32_000, 32_000 * 4_000 + 16_000], [32_001, 32_001 * 6_000 + 24_000], [128_000, 128_000 * 6_000 + 24_000],
    [128_001, 128_001 * 10_000 + 40_000], [256_000, 256_000 * 10_000 + 40_000], [256_001, 256_001 * 10_000 + 40_000], [1_000_000, 1_000_000 * 10_000 + 40_000]
  ]
  for (const [inputTokens, cost] of costs) t.equal(costNano(usage(inputTokens, 1), TIERED), cost, `${inputTokens} tokens`)
})

t.test('the usages in the seed page\'s answers cost what they do by hand, at 0.002 and 0.006 yuan for a thousand', async (t) => {
  const examples: readonly (readonly [input: number, output: number, yuan: string])[] = [
    [85, 250, '0.00167'], [85, 195, '0.00134'], [74, 184, '0.001252'], [74, 229, '0.001522'], [85, 162, '0.001142'], [31, 267, '0.001664']
  ]
  for (const [input, output, yuan] of examples) t.equal(decimalOfNano(costNano(usage(input, output), CODER_TURBO)), yuan, `${input} and ${output}`)
})

t.test('cached and reasoning tokens are billed once, as part of the input and the output, where they have no rate of their own', async (t) => {
  t.equal(costNano({ ...usage(85, 250), cachedInputTokens: 80, reasoningTokens: 200 }, CODER_TURBO), 1_670_000)
})

const QWEN_PLUS: Price = {
  currency: 'CNY',
  tiers: [
    { inputTokensMax: 131_072, inputNanoPerToken: 800, cachedInputNanoPerToken: 80, outputNanoPerToken: 2_000, reasoningOutputNanoPerToken: 8_000 },
    { inputTokensMax: 262_144, inputNanoPerToken: 2_400, cachedInputNanoPerToken: 240, outputNanoPerToken: 20_000, reasoningOutputNanoPerToken: 24_000 }
  ]
}

t.test('what came from a cache is billed at its own rate, in the tier of the whole input', async (t) => {
  const cached = (input: number, cachedInputTokens: number): number => costNano({ ...usage(input, 0), cachedInputTokens }, QWEN_PLUS)
  t.equal(cached(1_000, 0), 800_000)
  t.equal(cached(1_000, 900), 100 * 800 + 900 * 80)
  t.equal(cached(1_000, 1_000), 80_000)
  t.equal(cached(131_073, 131_073), 131_073 * 240, 'cached tokens count for the tier')
  t.equal(cached(10, 1_000), 10 * 80, 'no more can have been cached than there was')
})

t.test('an answer with a chain of thought is billed as a whole at the rate for these', async (t) => {
  const thought = (input: number, output: number, reasoningTokens: number): number => costNano({ ...usage(input, output), reasoningTokens }, QWEN_PLUS)
  t.equal(thought(0, 1_000, 0), 2_000_000, '2 yuan a million')
  t.equal(thought(0, 1_000, 1), 8_000_000, '8 yuan a million, also for the answer itself')
  t.equal(thought(0, 1_000, 1_000), 8_000_000)
  t.equal(thought(131_072, 1, 1), 131_072 * 800 + 8_000)
  t.equal(thought(131_073, 1, 1), 131_073 * 2_400 + 24_000)
})

t.test('of several prices the one in force when the request came holds, to the millisecond', async (t) => {
  const changeMs = Date.UTC(2026, 2, 31, 16)
  const prices = [{ fromMs: 0, ...CODER_TURBO }, { fromMs: changeMs, ...QWEN_PLUS }, { fromMs: changeMs + 10, ...TIERED, currency: 'USD' }]
  const inForce = (timeMs: number) => [priceAt(prices, timeMs)?.currency, costNano(usage(1_000, 0), priceAt(prices, timeMs))]
  t.same(inForce(0), ['CNY', 2_000_000])
  t.same(inForce(changeMs - 1), ['CNY', 2_000_000])
  t.same(inForce(changeMs), ['CNY', 800_000])
  t.same(inForce(changeMs + 9), ['CNY', 800_000])
  t.same(inForce(changeMs + 10), ['USD', 4_000_000])
  t.equal(priceAt([], changeMs), undefined)
  t.equal(priceAt(prices.slice(1), changeMs - 1), undefined)
})

t.test('what has no price or no tokens costs nothing', async (t) => {
  t.equal(costNano(usage(85, 250), undefined), 0)
  t.equal(costNano(usage(85, 250), { currency: 'CNY', tiers: [] }), 0)
  t.equal(costNano(NO_USAGE, TIERED), 0)
})

/** Rates up to the dearest that can be configured. */
const someRate = fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 999_999_999 }))
const dearTier = fc.record({
  inputTokensMax: fc.constant(Number.MAX_SAFE_INTEGER), inputNanoPerToken: someRate, cachedInputNanoPerToken: someRate, outputNanoPerToken: someRate, reasoningOutputNanoPerToken: someRate
})

t.test('a cost is exact for all that can be reported, up to a bound that no budget reaches', async () => {
  const tokens = fc.integer({ min: 0, max: 100_000_000 })
  fc.assert(fc.property(tokens, tokens, tokens, fc.boolean(), dearTier, (input, output, cached, thinks, tier) => {
    const cachedInputTokens = Math.min(cached, input)
    const cost = costNano({ ...usage(input, output), cachedInputTokens, reasoningTokens: thinks ? output : 0 }, { currency: 'CNY', tiers: [tier] })
    const outputRate = thinks && output > 0 ? tier.reasoningOutputNanoPerToken : tier.outputNanoPerToken
    const exact = BigInt(input - cachedInputTokens) * BigInt(tier.inputNanoPerToken) + BigInt(cachedInputTokens) * BigInt(tier.cachedInputNanoPerToken) + BigInt(output) * BigInt(outputRate)
    return BigInt(cost) === (exact < BigInt(COST_NANO_MAX) ? exact : BigInt(COST_NANO_MAX))
  }), { numRuns: 1_000 })
})

t.test('the most a request can cost is that of its longest prompt, or of a shorter one in a dearer tier', async (t) => {
  t.equal(costNanoMax(85, 250, CODER_TURBO), 1_670_000)
  t.equal(costNanoMax(0, 10, TIERED), 160_000)
  t.equal(costNanoMax(32_000, 10, TIERED), 32_000 * 4_000 + 160_000)
  t.equal(costNanoMax(32_001, 10, TIERED), 32_001 * 6_000 + 240_000)
  t.equal(costNanoMax(1_000_000, 10, TIERED), 1_000_000 * 10_000 + 400_000, 'above the last tier')
  const cheaperWhenLong: Price = {
    currency: 'CNY',
    tiers: [tierOf(1_000, 8, 8), tierOf(4_000, 2, 2)]
  }
  t.equal(costNanoMax(1_500, 10, cheaperWhenLong), 1_000 * 8 + 80, 'a prompt of 1,000 tokens')
  t.equal(costNanoMax(4_000, 10, cheaperWhenLong), 1_000 * 8 + 80)
  t.equal(costNanoMax(5_000, 10, cheaperWhenLong), 5_000 * 2 + 20)
  t.equal(costNanoMax(85, 250, { currency: 'CNY', tiers: [] }), 0)
})

/** Tiers in any order of price, sometimes out of order themselves, whose cached and thought tokens may cost more or less. */
const fewNano = fc.integer({ min: 0, max: 50 })
const somePrice = fc.array(fc.record({
  inputTokensMax: fc.integer({ min: 0, max: 12 }), inputNanoPerToken: fewNano, cachedInputNanoPerToken: fewNano, outputNanoPerToken: fewNano, reasoningOutputNanoPerToken: fewNano
}), { maxLength: 4 }).map((tiers): Price => ({ currency: 'CNY', tiers }))

/** Every usage of up to so many tokens. */
function * usagesUpTo (inputMax: number, outputMax: number): Generator<Usage> {
  for (let input = 0; input <= inputMax; input++) {
    for (let cachedInputTokens = 0; cachedInputTokens <= input; cachedInputTokens++) {
      for (let output = 0; output <= outputMax; output++) {
        yield { ...usage(input, output), cachedInputTokens }
        if (output > 0) yield { ...usage(input, output), cachedInputTokens, reasoningTokens: output }
      }
    }
  }
}

t.test('the most a request can cost is the dearest of all that it may turn out to be, and never less', async () => {
  const tokens = fc.integer({ min: 0, max: 15 })
  fc.assert(fc.property(tokens, tokens, somePrice, (inputMax, outputMax, price) => {
    let dearest = 0
    for (const used of usagesUpTo(inputMax, outputMax)) dearest = Math.max(dearest, costNano(used, price))
    return costNanoMax(inputMax, outputMax, price) === dearest
  }))
})

t.test('nor for prompts and prices of any size', async () => {
  const tokens = fc.integer({ min: 0, max: 2_000_000 })
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const tiers = fc.array(fc.tuple(fc.integer({ min: 0, max: 1_000_000 }), dearTier).map(([inputTokensMax, tier]) => ({ ...tier, inputTokensMax })), { minLength: 1, maxLength: 4 })
  const law = fc.property(tokens, tokens, tiers, fc.tuple(share, share, share, fc.boolean()), (inputMax, outputMax, list, [ofInput, ofOutput, ofCached, thinks]) => {
    const [input, output] = [Math.floor(inputMax * ofInput), Math.floor(outputMax * ofOutput)]
    const price: Price = { currency: 'CNY', tiers: list }
    const used = { ...usage(input, output), cachedInputTokens: Math.floor(input * ofCached), reasoningTokens: thinks ? output : 0 }
    return costNano(used, price) <= costNanoMax(inputMax, outputMax, price)
  })
  fc.assert(law, { numRuns: 2_000 })
})
