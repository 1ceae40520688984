import type { Model } from '../core/catalog.ts'
import type { NativeDefaults, Quirks } from '../core/target.ts'

export interface Family {
  readonly tokenizer: Model['tokenizer']
  readonly nativeService: Quirks['nativeService']
  readonly nativeDefaults: NativeDefaults
}

/** Qwen changed its tokenizer with 3.5; from there on, and for what is not Qwen, a count is an estimate. */
const KNOWN_TOKENIZER = /^(?:qwen(?!3\.[5-9]|[4-9]|\d\d)|qwq|qvq)/

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
  return {
    tokenizer: KNOWN_TOKENIZER.test(name) ? 'qwen' : 'estimate',
    nativeService: MULTIMODAL.test(name) ? 'multimodal-generation' : 'text-generation',
    nativeDefaults: {
      resultFormat: answersMessages ? 'message' : 'text',
      incrementalOutput: isOpenQwen3 || INCREMENTAL_BY_DEFAULT.test(name)
    }
  }
}
