import { among } from '../../support/fleet/random.ts'
import { MODELS } from './scene.ts'
import { promptOf } from '../../support/fleet/wording.ts'
import type { Chat } from '../../support/fleet/chat.ts'
import type { ModelName } from './scene.ts'

const ANSWER_WORDS_MAX = 180
const PROMPT_WORDS_MAX = 90
/** Undefined holds all that the model may say. */
const MAX_TOKENS = [16, 64, 64, 256, 256, 256, 512, 512, 1_024, 1_024, 2_048]
const UNCAPPED_SHARE = 0.05
const STREAMED_SHARE = 0.9

/** Requests of mixed sizes, over both surfaces to both upstreams. @param name is in their markers */
export function planFor (name: string, requests: number, random: () => number): Chat[] {
  return Array.from({ length: requests }, (_, place): Chat => ({
    marker: `${name}.${place}`,
    surface: among(['openai', 'dashscope'], random),
    model: among(MODELS, random).name,
    isStream: random() < STREAMED_SHARE,
    prompt: promptOf(random() ** 2 * PROMPT_WORDS_MAX, 1 + random() ** 2 * ANSWER_WORDS_MAX, random),
    maxTokens: random() < UNCAPPED_SHARE ? undefined : among(MAX_TOKENS, random),
    includesUsage: random() < 0.5
  }))
}

/** For the end: a short prompt and a long answer, so that the very last of a budget is used up in few steps. */
export function lastRequest (marker: string, model: ModelName): Chat {
  return { marker, surface: 'openai', model, isStream: false, prompt: 'words=1500', maxTokens: 4_000, includesUsage: false }
}
