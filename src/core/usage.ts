/**
 * Tokens of one attempt. `inputTokens` includes cached ones and `outputTokens` includes reasoning, as both DashScope
 * dialects and OpenAI report them, so nothing is ever added twice.
 */
export interface Usage {
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly source: 'reported' | 'estimated'
  /** Further input and output counts by modality or cache kind, named as on the wire. They are shown and never priced. */
  readonly inputDetails?: Readonly<Record<string, number>>
  readonly outputDetails?: Readonly<Record<string, number>>
}

export const NO_USAGE: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, source: 'estimated' }

export function totalTokens (usage: Usage): number {
  return usage.inputTokens + usage.outputTokens
}

/** Far above any model's context. An upstream that reports more is lying, and its report is not believed. */
export const REPORTED_TOKENS_MAX = 100_000_000

/** What a part of a count may be called. The names are an upstream's words and are kept: they must not be somebody else's. */
export function isCountName (name: string): boolean {
  return /^[a-z0-9_]{1,48}_tokens$/.test(name)
}

/** True for what a count may be: a non-negative integer of a believable size. */
export function isTokenCount (value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= REPORTED_TOKENS_MAX
}
