import t from 'tap'
import fc from 'fast-check'
import { costNano, costNanoMax } from '../../src/metering/prices.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import type { Price } from '../../src/core/catalog.ts'
import type { Usage } from '../../src/core/usage.ts'

/** qwen-coder-turbo on the vendor's page: 0.002 yuan for a thousand tokens in and 0.006 out. */
const CODER_TURBO: Price = { currency: 'CNY', tiers: [{ inputTokensMax: 129_024, inputNanoPerToken: 2_000, outputNanoPerToken: 6_000 }] }
const TIERED: Price = {
  currency: 'CNY',
  tiers: [
    { inputTokensMax: 32_000, inputNanoPerToken: 4_000, outputNanoPerToken: 16_000 },
    { inputTokensMax: 128_000, inputNanoPerToken: 6_000, outputNanoPerToken: 24_000 },
    { inputTokensMax: 256_000, inputNanoPerToken: 10_000, outputNanoPerToken: 40_000 }
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

t.test('cached and reasoning tokens are billed once, as part of the input and the output', async (t) => {
  t.equal(costNano({ ...usage(85, 250), cachedInputTokens: 80, reasoningTokens: 200 }, CODER_TURBO), 1_670_000)
})

t.test('what has no price or no tokens costs nothing', async (t) => {
  t.equal(costNano(usage(85, 250), undefined), 0)
  t.equal(costNano(usage(85, 250), { currency: 'CNY', tiers: [] }), 0)
  t.equal(costNano(NO_USAGE, TIERED), 0)
})

t.test('a cost is a whole number of nano-units for all that can be reported', async (t) => {
  const tokens = fc.integer({ min: 0, max: 100_000_000 })
  fc.assert(fc.property(tokens, tokens, (input, output) => {
    const cost = costNano(usage(input, output), TIERED)
    return Number.isSafeInteger(cost) && cost >= 0
  }))
  t.pass('every count')
})

t.test('the most a request can cost is that of its longest prompt, or of a shorter one in a dearer tier', async (t) => {
  t.equal(costNanoMax(85, 250, CODER_TURBO), 1_670_000)
  t.equal(costNanoMax(0, 10, TIERED), 160_000)
  t.equal(costNanoMax(32_000, 10, TIERED), 32_000 * 4_000 + 160_000)
  t.equal(costNanoMax(32_001, 10, TIERED), 32_001 * 6_000 + 240_000)
  t.equal(costNanoMax(1_000_000, 10, TIERED), 1_000_000 * 10_000 + 400_000, 'above the last tier')
  const cheaperWhenLong: Price = {
    currency: 'CNY',
    tiers: [{ inputTokensMax: 1_000, inputNanoPerToken: 8, outputNanoPerToken: 8 }, { inputTokensMax: 4_000, inputNanoPerToken: 2, outputNanoPerToken: 2 }]
  }
  t.equal(costNanoMax(1_500, 10, cheaperWhenLong), 1_000 * 8 + 80, 'a prompt of 1,000 tokens')
  t.equal(costNanoMax(4_000, 10, cheaperWhenLong), 1_000 * 8 + 80)
  t.equal(costNanoMax(5_000, 10, cheaperWhenLong), 5_000 * 2 + 20)
  t.equal(costNanoMax(85, 250, { currency: 'CNY', tiers: [] }), 0)
})

/** Tiers in any order of price, sometimes out of order themselves. */
const somePrice = fc.array(fc.record({
  inputTokensMax: fc.integer({ min: 0, max: 25 }), inputNanoPerToken: fc.integer({ min: 0, max: 50 }), outputNanoPerToken: fc.integer({ min: 0, max: 50 })
}), { maxLength: 4 }).map((tiers): Price => ({ currency: 'CNY', tiers }))

t.test('the most a request can cost is the dearest of all that it may turn out to be', async () => {
  const tokens = fc.integer({ min: 0, max: 30 })
  fc.assert(fc.property(tokens, tokens, somePrice, (inputMax, outputMax, price) => {
    let dearest = 0
    for (let input = 0; input <= inputMax; input++) {
      for (let output = 0; output <= outputMax; output++) dearest = Math.max(dearest, costNano(usage(input, output), price))
    }
    return costNanoMax(inputMax, outputMax, price) === dearest
  }))
})
