import { COUNTING_MARGIN_TOKENS } from '../tokens/bounds.ts'
import { countOutput } from './count-output.ts'
import type { Model } from '../core/catalog.ts'
import type { Tally } from './meter.ts'
import type { TokenCounter } from '../tokens/counter.ts'

/** Tells whether an answer has run past what is held for it. Cheap enough to be asked after every chunk. */
export type HoldWatch = (tally: Tally) => boolean

/** Near the end of its hold an answer is not counted again for less than this. */
const STEP_BYTES_MIN = 256

/**
 * No token is shorter than a byte, so an answer is counted only once it has as many bytes as tokens are held, and then again
 * only after as many bytes as tokens were left. A running count of the upstream's own goes before ours: it is what is charged.
 */
export function createHoldWatch (heldTokens: number, model: Pick<Model, 'tokenizer'>, tokens: TokenCounter): HoldWatch {
  // Our count and the upstream's may differ a little, and by much where the tokenizer is another.
  const tolerance = model.tokenizer === 'qwen' ? COUNTING_MARGIN_TOKENS : Math.max(COUNTING_MARGIN_TOKENS, heldTokens / 2)
  let nextBytes = heldTokens + 1
  let isPast = false
  let isCounting = false

  function judge (usedTokens: number, bytes: number): void {
    isCounting = false
    if (usedTokens > heldTokens + tolerance) isPast = true
    nextBytes = bytes + Math.max(STEP_BYTES_MIN, heldTokens + tolerance - usedTokens)
  }

  return (tally) => {
    if (isPast) return true
    const bytes = tally.outputBytes()
    if (bytes < nextBytes || isCounting) return false
    const reported = tally.usage()?.outputTokens ?? 0
    if (reported > 0) {
      judge(reported, bytes)
      return isPast
    }
    isCounting = true
    const counted = countOutput(tally.transcripts(), tokens)
    if (typeof counted === 'number') judge(counted, bytes)
    // A count that fails is tried again some bytes later; until then the answer has the benefit of the doubt.
    else counted.then((usedTokens) => judge(usedTokens, bytes), () => judge(heldTokens, bytes))
    return isPast
  }
}
