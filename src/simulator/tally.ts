import type { Charge } from './reply.ts'

export interface Tally extends Charge {
  /** Part of the output tokens. */
  readonly reasoningTokens: number
}

/** The prompt counts once, the output of every choice counts. */
export function tallyOf (inputTokens: number, choices: Iterable<Omit<Tally, 'inputTokens'>>): Tally {
  let outputTokens = 0
  let reasoningTokens = 0
  for (const choice of choices) {
    outputTokens += choice.outputTokens
    reasoningTokens += choice.reasoningTokens
  }
  return { inputTokens, outputTokens, reasoningTokens }
}
