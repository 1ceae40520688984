import type { Model } from '../core/catalog.ts'
import type { Thinking } from '../core/protocol.ts'

/** How long an answer may get: `choices` × (`capTokens` + `thinkingTokens`). Of these the cap alone can be lowered. */
export interface OutputShape {
  readonly choices: number
  readonly capTokens: number
  readonly thinkingTokens: number
}

export interface OutputAsked {
  readonly choices: number
  /** The client's own cap; undefined where it leaves that to the model. */
  readonly capTokens: number | undefined
  readonly thinking: Thinking
}

/** The answer's cap does not bound the thinking before it. */
export function outputShapeOf (model: Model, { choices, capTokens, thinking }: OutputAsked): OutputShape {
  const thinks = thinking.asked === 'unsaid' ? model.thinksByDefault : thinking.asked === 'on'
  return {
    choices,
    capTokens: Math.min(capTokens ?? Infinity, model.outputTokensMax),
    thinkingTokens: thinks ? Math.min(thinking.tokensMax ?? Infinity, model.thinkingTokensMax) : 0
  }
}

export function outputTokensOf ({ choices, capTokens, thinkingTokens }: OutputShape): number {
  return choices * (capTokens + thinkingTokens)
}
