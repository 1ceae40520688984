/** How fast answers come. */
export interface Pace {
  /** Between the request and the first byte of its answer. */
  readonly firstTokenDelayMs: number
  /** Infinity: as fast as the reader takes them. */
  readonly tokensPerSecond: number
  /** Between two chunks, on top of what the tokens take. */
  readonly chunkIntervalMs: number
  readonly charactersPerChunkMin: number
  readonly charactersPerChunkMax: number
}

/** About what a model of the Qwen coder family does; for demonstrations. */
export const MODEL_PACE: Pace = {
  firstTokenDelayMs: 250, tokensPerSecond: 60, chunkIntervalMs: 0, charactersPerChunkMin: 4, charactersPerChunkMax: 8
}

/** No waiting at all; for tests. */
export const INSTANT_PACE: Pace = {
  firstTokenDelayMs: 0, tokensPerSecond: Infinity, chunkIntervalMs: 0, charactersPerChunkMin: 4, charactersPerChunkMax: 8
}

export function pauseMs (tokens: number, pace: Pace): number {
  return pace.chunkIntervalMs + 1000 * tokens / pace.tokensPerSecond
}
