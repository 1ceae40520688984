import type { Price, PriceTier } from '../core/catalog.ts'
import type { Usage } from '../core/usage.ts'

/**
 * What an attempt costs, in 10⁻⁹ of the price's currency. The tier is chosen by the whole input and then holds for every
 * token, as the vendor bills; an input above the last tier is billed at the last.
 */
export function costNano (usage: Usage, price: Price | undefined): number {
  const tier = price?.tiers.find((candidate) => usage.inputTokens <= candidate.inputTokensMax) ?? price?.tiers.at(-1)
  return tier === undefined ? 0 : tierCostNano(tier, usage.inputTokens, usage.outputTokens)
}

/**
 * The most that a request of up to so many tokens can cost. It may be a shorter input than the longest: where a later tier
 * is cheaper, the dearest is the longest of an earlier one.
 */
export function costNanoMax (inputTokens: number, outputTokens: number, price: Price): number {
  let dearest = 0
  let belowTokens = -1
  for (const tier of price.tiers) {
    if (belowTokens >= inputTokens) return dearest
    // A tier that ends before the ones ahead of it is never chosen.
    if (tier.inputTokensMax <= belowTokens) continue
    dearest = Math.max(dearest, tierCostNano(tier, Math.min(inputTokens, tier.inputTokensMax), outputTokens))
    belowTokens = tier.inputTokensMax
  }
  const last = price.tiers.at(-1)
  return last === undefined ? dearest : Math.max(dearest, tierCostNano(last, inputTokens, outputTokens))
}

function tierCostNano (tier: PriceTier, inputTokens: number, outputTokens: number): number {
  return inputTokens * tier.inputNanoPerToken + outputTokens * tier.outputNanoPerToken
}
