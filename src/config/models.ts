/**
 * The built-in models: a dated copy of what the vendor published, which the configuration file overrides. What a name says
 * about its family is in families.ts. Prices are yuan per million tokens as the vendor lists them.
 *
 * - The qwen-coder-turbo family is that of the vendor's page on it (late 2024): limits and prices to the letter.
 * - Other prices are mainland list prices from the vendor's price page of 2026-04. It lists none for cached input, which is
 *   billed like any other here, and for answers with a chain of thought only those of qwen-plus and qwen-turbo.
 * - Other limits are those of litellm's list for `dashscope/*` of 2026-08, or of the vendor's model page where it has none.
 */
export const CATALOG_DATE = '2026-08-31'

export interface BuiltInModel {
  readonly contextTokens: number
  readonly inputTokensMax: number
  readonly outputTokensMax: number
  readonly currency: 'CNY'
  readonly tiers: readonly BuiltInTier[]
  /** Day of the snapshot where the name has one, else of this catalog. */
  readonly created: string
}

/** Prices per million tokens. The last tier has no end. */
export interface BuiltInTier {
  readonly inputTokensMax?: number
  readonly inputPer1M: number
  readonly outputPer1M: number
  /** Of answers with a chain of thought, where it is another. */
  readonly reasoningOutputPer1M?: number
}

type Limits = Pick<BuiltInModel, 'contextTokens' | 'inputTokensMax' | 'outputTokensMax'>

const CONTEXT_32K: Limits = { contextTokens: 32_768, inputTokensMax: 30_720, outputTokensMax: 8_192 }
const CONTEXT_128K: Limits = { contextTokens: 131_072, inputTokensMax: 129_024, outputTokensMax: 8_192 }
const CONTEXT_256K: Limits = { contextTokens: 262_144, inputTokensMax: 258_048, outputTokensMax: 65_536 }
const CONTEXT_1M: Limits = { contextTokens: 1_000_000, inputTokensMax: 997_952, outputTokensMax: 32_768 }
const CONTEXT_1M_LONG_ANSWER: Limits = { ...CONTEXT_1M, outputTokensMax: 65_536 }

const K_32 = 32_768
const K_128 = 131_072
const K_256 = 262_144

const CODER_TURBO = entry(CONTEXT_128K, [2, 6])
const QWEN_PLUS = thinking(entry(CONTEXT_1M, [0.8, 2, K_128], [2.4, 20, K_256], [4.8, 48]), [8, 24, 64])
const QWEN_FLASH = entry(CONTEXT_1M, [0.15, 1.5, K_128], [0.6, 6, K_256], [1.2, 12])
const CODER_PLUS_3 = entry(CONTEXT_1M_LONG_ANSWER, [4, 16, K_32], [6, 24, K_128], [10, 40, K_256], [20, 200])
const CODER_FLASH_3 = entry(CONTEXT_1M_LONG_ANSWER, [1, 4, K_32], [1.5, 6, K_128], [2.5, 10, K_256], [5, 25])

/** By name. The two names of the September 2024 snapshot are entries of their own, as the vendor lists and bills them. */
export const BUILT_IN_MODELS: ReadonlyMap<string, BuiltInModel> = new Map([
  ['qwen-coder-turbo', CODER_TURBO],
  ['qwen-coder-turbo-latest', CODER_TURBO],
  ['qwen-coder-turbo-0919', { ...CODER_TURBO, created: '2024-09-19' }],
  ['qwen-coder-turbo-2024-09-19', { ...CODER_TURBO, created: '2024-09-19' }],
  ['qwen-coder-plus', entry(CONTEXT_128K, [3.5, 7])],
  ['qwen3-coder-plus', CODER_PLUS_3],
  ['qwen3-coder-flash', CODER_FLASH_3],
  ['qwen3-max', entry(CONTEXT_256K, [2.5, 10, K_32], [4, 16, K_128], [7, 28])],
  ['qwen-max', entry(CONTEXT_32K, [2.4, 9.6])],
  ['qwen-plus', QWEN_PLUS],
  ['qwen-plus-latest', QWEN_PLUS],
  ['qwen3.5-plus', entry(CONTEXT_1M_LONG_ANSWER, [0.8, 4.8, K_128], [2, 12, K_256], [4, 24])],
  ['qwen3.6-plus', entry(CONTEXT_1M_LONG_ANSWER, [2, 12, K_256], [8, 48])],
  ['qwen-flash', QWEN_FLASH],
  ['qwen3.5-flash', entry(CONTEXT_1M_LONG_ANSWER, [0.2, 2, K_128], [0.8, 8, K_256], [1.2, 12])],
  ['qwen-turbo', thinking(entry({ ...CONTEXT_128K, outputTokensMax: 16_384 }, [0.3, 0.6]), [3])],
  ['qwen2.5-72b-instruct', entry(CONTEXT_128K, [4, 12])],
  ['qwen2.5-32b-instruct', entry(CONTEXT_128K, [2, 6])],
  ['qwen2.5-14b-instruct', entry(CONTEXT_128K, [1, 3])],
  ['qwen2.5-7b-instruct', entry(CONTEXT_128K, [0.5, 1])]
])

type TierFigures = readonly [inputPer1M: number, outputPer1M: number, inputTokensMax?: number]

function entry (limits: Limits, ...prices: readonly TierFigures[]): BuiltInModel {
  const tiers = prices.map(([inputPer1M, outputPer1M, inputTokensMax]) =>
    ({ inputPer1M, outputPer1M, ...(inputTokensMax === undefined ? {} : { inputTokensMax }) }))
  return { ...limits, currency: 'CNY', tiers, created: CATALOG_DATE }
}

function thinking (model: BuiltInModel, outputPer1M: readonly number[]): BuiltInModel {
  const tiers = model.tiers.map((tier, index) => ({ ...tier, reasoningOutputPer1M: outputPer1M[index] ?? tier.outputPer1M }))
  return { ...model, tiers }
}
