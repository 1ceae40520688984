import type { Price } from '../core/catalog.ts'
import type { Usage } from '../core/usage.ts'

/**
 * What an attempt costs, in 10⁻⁹ of the price's currency. The tier is chosen by the whole input and then holds for every
 * token, as the vendor bills; an input above the last tier is billed at the last.
 */
export function costNano (usage: Usage, price: Price | undefined): number {
  const tier = price?.tiers.find((candidate) => usage.inputTokens <= candidate.inputTokensMax) ?? price?.tiers.at(-1)
  if (tier === undefined) return 0
  return usage.inputTokens * tier.inputNanoPerToken + usage.outputTokens * tier.outputNanoPerToken
}
