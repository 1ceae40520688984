import type { PriceTier } from '../../src/core/catalog.ts'

/** A tier where cached input and thought cost no other than the rest. */
export function tierOf (inputTokensMax: number, inputNanoPerToken: number, outputNanoPerToken: number): PriceTier {
  return { inputTokensMax, inputNanoPerToken, cachedInputNanoPerToken: inputNanoPerToken, outputNanoPerToken, reasoningOutputNanoPerToken: outputNanoPerToken }
}
