import type { Model } from '../core/catalog.ts'
import type { NativeDefaults, Quirks } from '../core/target.ts'

export interface Family {
  readonly thinkingTokensMax: number
  readonly thinksByDefault: boolean
  readonly tokenizer: Model['tokenizer']
  readonly nativeService: Quirks['nativeService']
  readonly nativeDefaults: NativeDefaults
}

/** Qwen changed its tokenizer with 3.5; from there on, and for what is not Qwen, a count is an estimate. */
const KNOWN_TOKENIZER = /^(?:qwen(?!3\.[5-9]|[4-9]|\d\d)|qwq|qvq)/

/** Models that can think. Coders and instruct models do not; the vendor's longest chain of any of them is 81,920 tokens. */
const THINKING = /^(?:qwen-(?:plus|turbo|flash)|qwen3(?!-coder|.*instruct)|qwen3\.\d|qwq|qvq)/
const THINKING_TOKENS_MAX = 81_920
/** Those that do it without being asked: open-weight Qwen3, Qwen3.5 and later, and the ones made for it. */
const THINKS_BY_DEFAULT = /^(?:qwen3-\d|qwen3-next|qwen3\.\d|qwq|qvq)|-thinking/

/** Served by multimodal-generation; the other service answers "url error" for them. */
const MULTIMODAL = /^qvq|-vl(?:-|$)|^qwen3\.[567]-plus|^qwen3\.8-max/

/** Open-weight Qwen3 by size, such as qwen3-235b-a22b and qwen3-next-80b-a3b-thinking. */
const OPEN_QWEN3 = /^qwen3-(?:next-)?\d+(?:\.\d+)?b(?:-|$)/

const MESSAGE_BY_DEFAULT = /^qwen3-max|^qwen3-vl|^qwq|^qwen-long/
const INCREMENTAL_BY_DEFAULT = /^qwen3-max|^qwen3-vl|^qwq|^qvq/
const TEXT_BY_DEFAULT = /^qwen3-next-80b-a3b-instruct/

/**
 * What a model's name says about it where nobody says more: DashScope documents defaults per family, and files add models
 * of known families that are not built in. Nothing but a default is ever taken from a name.
 */
export function familyOf (name: string): Family {
  const isOpenQwen3 = OPEN_QWEN3.test(name)
  const answersMessages = MESSAGE_BY_DEFAULT.test(name) || (isOpenQwen3 && !TEXT_BY_DEFAULT.test(name))
  const thinks = THINKING.test(name) || name.includes('-thinking')
  return {
    thinkingTokensMax: thinks ? THINKING_TOKENS_MAX : 0,
    thinksByDefault: thinks && THINKS_BY_DEFAULT.test(name),
    tokenizer: KNOWN_TOKENIZER.test(name) ? 'qwen' : 'estimate',
    nativeService: MULTIMODAL.test(name) ? 'multimodal-generation' : 'text-generation',
    nativeDefaults: {
      resultFormat: answersMessages ? 'message' : 'text',
      incrementalOutput: isOpenQwen3 || INCREMENTAL_BY_DEFAULT.test(name)
    }
  }
}
