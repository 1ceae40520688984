import { instantMs } from '../core/instant.ts'
import { nanoPerToken } from './scalars.ts'
import type { BuiltInModel } from './models.ts'
import type { DatedPrice, PriceTier } from '../core/catalog.ts'
import type { DatedPriceConfig, ModelConfig } from './schema.ts'

/** What a file says of a price takes the built-in one's place, but for the time before its first `from`. */
export function pricesOf (price: ModelConfig['price'], builtIn: BuiltInModel | undefined): DatedPrice[] {
  const configured: readonly DatedPriceConfig[] = price === undefined ? [] : 'currency' in price ? [price] : price
  const isWhole = configured[0] !== undefined && configured[0].from === undefined
  const dated = configured.map(configuredPrice)
  return builtIn === undefined || isWhole ? dated : [builtInPrice(builtIn), ...dated]
}

const ALWAYS_MS = 0
const NO_END = Number.MAX_SAFE_INTEGER

function builtInPrice (model: BuiltInModel): DatedPrice {
  const tiers = model.tiers.map((tier): PriceTier => ({
    inputTokensMax: tier.inputTokensMax ?? NO_END,
    inputNanoPerToken: nanoPerToken(tier.inputPer1M, 1_000_000),
    cachedInputNanoPerToken: nanoPerToken(tier.inputPer1M, 1_000_000),
    outputNanoPerToken: nanoPerToken(tier.outputPer1M, 1_000_000),
    reasoningOutputNanoPerToken: nanoPerToken(tier.reasoningOutputPer1M ?? tier.outputPer1M, 1_000_000)
  }))
  return { fromMs: ALWAYS_MS, currency: model.currency, tiers }
}

function configuredPrice ({ from, currency, tiers, ...flat }: DatedPriceConfig): DatedPrice {
  const fromMs = from === undefined ? ALWAYS_MS : instantMs(from) ?? NaN
  return { fromMs, currency, tiers: (tiers ?? [flat]).map(configuredTier) }
}

type TierConfig = Partial<NonNullable<DatedPriceConfig['tiers']>[number]>

function configuredTier (tier: TierConfig): PriceTier {
  const { input_per_1k: input = NaN, output_per_1k: output = NaN } = tier
  return {
    inputTokensMax: tier.input_tokens_max ?? NO_END,
    inputNanoPerToken: nanoPerToken(input, 1_000),
    cachedInputNanoPerToken: nanoPerToken(tier.cached_input_per_1k ?? input, 1_000),
    outputNanoPerToken: nanoPerToken(output, 1_000),
    reasoningOutputNanoPerToken: nanoPerToken(tier.reasoning_output_per_1k ?? output, 1_000)
  }
}
