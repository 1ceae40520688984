import { COST_NANO_MAX } from '../core/money.ts'
import type { DatedPrice, Price, PriceTier } from '../core/catalog.ts'
import type { Usage } from '../core/usage.ts'

/** The price in force at a time, of those of one model. */
export function priceAt (prices: readonly DatedPrice[], timeMs: number): Price | undefined {
  return prices.findLast(({ fromMs }) => fromMs <= timeMs)
}

/**
 * What an attempt costs, in 10⁻⁹ of the price's currency. The tier is chosen by the whole input and then holds for every
 * token, as the vendor bills; an input above the last tier is billed at the last. An answer with a chain of thought is billed
 * as a whole at the rate for these.
 */
export function costNano (usage: Usage, price: Price | undefined): number {
  const tier = price?.tiers.find((candidate) => usage.inputTokens <= candidate.inputTokensMax) ?? price?.tiers.at(-1)
  if (tier === undefined) return 0
  const cachedTokens = Math.min(usage.cachedInputTokens, usage.inputTokens)
  const outputNanoPerToken = usage.reasoningTokens > 0 ? tier.reasoningOutputNanoPerToken : tier.outputNanoPerToken
  return atMost(
    (usage.inputTokens - cachedTokens) * tier.inputNanoPerToken +
    cachedTokens * tier.cachedInputNanoPerToken +
    usage.outputTokens * outputNanoPerToken
  )
}

/**
 * The most that a request of up to so many tokens can cost, whatever of them turns out to be cached or thought. It may be a
 * shorter input than the longest: where a later tier is cheaper, the dearest is the longest of an earlier one.
 */
export function costNanoMax (inputTokens: number, outputTokens: number, price: Price): number {
  let dearest = 0
  let belowTokens = -1
  for (const tier of price.tiers) {
    if (belowTokens >= inputTokens) return dearest
    // A tier that ends before the ones ahead of it is never chosen.
    if (tier.inputTokensMax <= belowTokens) continue
    dearest = Math.max(dearest, dearestOfTier(tier, Math.min(inputTokens, tier.inputTokensMax), outputTokens))
    belowTokens = tier.inputTokensMax
  }
  const last = price.tiers.at(-1)
  return last === undefined ? dearest : Math.max(dearest, dearestOfTier(last, inputTokens, outputTokens))
}

function dearestOfTier (tier: PriceTier, inputTokens: number, outputTokens: number): number {
  return atMost(
    inputTokens * Math.max(tier.inputNanoPerToken, tier.cachedInputNanoPerToken) +
    outputTokens * Math.max(tier.outputNanoPerToken, tier.reasoningOutputNanoPerToken)
  )
}

/** Sums of whole numbers are exact in floating point up to 2⁵³, and one that is not exact any more is above the bound. */
function atMost (nano: number): number {
  return Math.min(COST_NANO_MAX, nano)
}
