/** What one model takes and gives, as DashScope documents it. */
export interface ModelCard {
  readonly name: string
  readonly contextTokens: number
  readonly inputTokensMax: number
  readonly outputTokensMax: number
  readonly thinking: 'never' | 'optional' | 'always'
  /** Answers only as a stream (`always`), or only as long as it does not think aloud (`thinking`). */
  readonly streamOnly: 'never' | 'thinking' | 'always'
  readonly thinkingTokensMax: number
  /** What a native request gets that leaves these open. */
  readonly resultFormat: 'text' | 'message'
  readonly incrementalOutput: boolean
  /** Served by the multimodal service alone. */
  readonly vision: boolean
  readonly search: boolean
  readonly toolChoiceRequired: boolean
}

const CODER_TURBO: Omit<ModelCard, 'name'> = {
  contextTokens: 131_072,
  inputTokensMax: 129_024,
  outputTokensMax: 8_192,
  thinking: 'never',
  streamOnly: 'never',
  thinkingTokensMax: 0,
  resultFormat: 'text',
  incrementalOutput: false,
  vision: false,
  search: false,
  toolChoiceRequired: false
}
const GENERAL: Omit<ModelCard, 'name'> = {
  ...CODER_TURBO, contextTokens: 1_000_000, inputTokensMax: 997_952, outputTokensMax: 32_768, search: true
}
const THIRD_GENERATION: Omit<ModelCard, 'name'> = {
  ...CODER_TURBO, resultFormat: 'message', incrementalOutput: true, toolChoiceRequired: true
}

const MODELS: readonly ModelCard[] = [
  { name: 'qwen-coder-turbo', ...CODER_TURBO },
  { name: 'qwen-coder-turbo-latest', ...CODER_TURBO },
  { name: 'qwen-coder-turbo-0919', ...CODER_TURBO },
  { name: 'qwen-coder-turbo-2024-09-19', ...CODER_TURBO },
  { name: 'qwen-coder-plus', ...CODER_TURBO },
  { name: 'qwen3-coder-plus', ...THIRD_GENERATION, contextTokens: 1_000_000, inputTokensMax: 997_952, outputTokensMax: 65_536 },
  { name: 'qwen3-max', ...THIRD_GENERATION, contextTokens: 262_144, inputTokensMax: 258_048, outputTokensMax: 65_536, search: true },
  { name: 'qwen-max', ...CODER_TURBO, contextTokens: 32_768, inputTokensMax: 30_720, search: true },
  { name: 'qwen-plus', ...GENERAL, thinking: 'optional', thinkingTokensMax: 81_920 },
  { name: 'qwen-turbo', ...GENERAL, outputTokensMax: 16_384, thinking: 'optional', streamOnly: 'thinking', thinkingTokensMax: 38_912 },
  { name: 'qwen-flash', ...GENERAL, thinking: 'optional', thinkingTokensMax: 81_920 },
  {
    name: 'qwq-plus',
    ...THIRD_GENERATION,
    inputTokensMax: 98_304,
    thinking: 'always',
    streamOnly: 'always',
    thinkingTokensMax: 32_768,
    toolChoiceRequired: false
  },
  { name: 'qwen-vl-max', ...CODER_TURBO, vision: true },
  {
    name: 'qwen3-vl-plus',
    ...THIRD_GENERATION,
    contextTokens: 262_144,
    inputTokensMax: 260_096,
    outputTokensMax: 32_768,
    thinking: 'optional',
    thinkingTokensMax: 81_920,
    vision: true
  }
]

const BY_NAME: ReadonlyMap<string, ModelCard> = new Map(MODELS.map(model => [model.name, model]))

export function modelNamed (name: unknown): ModelCard | undefined {
  return typeof name === 'string' ? BY_NAME.get(name) : undefined
}

export function modelNames (): readonly string[] {
  return [...BY_NAME.keys()]
}
