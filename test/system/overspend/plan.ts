import type { Answer } from '../../../src/simulator/answer.ts'
import type { Call } from '../../../src/simulator/call.ts'
import { MODELS } from './scene.ts'
import type { ModelName } from './scene.ts'

/** One request as a client makes it. */
export interface Asked {
  /** In its prompt, by which the simulator's own record of it is found. */
  readonly marker: string
  readonly surface: 'openai' | 'dashscope'
  readonly model: ModelName
  readonly isStream: boolean
  readonly prompt: string
  readonly maxTokens: number | undefined
  /** Whether a stream of OpenAI's kind is to end with its usage. */
  readonly includesUsage: boolean
}

/** Numbers in [0, 1), the same ones for the same seed: mulberry32. */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const WORDS = [
  'budget', 'the stream', '令牌', 'of a gateway', 'const spent = held + 1;', '预算不会超支', 'every request', 'return', '并发', 'twelve',
  'sum += amount', '一次', 'settled', 'never twice', '网关', 'for (const one of all)'
]
const ANSWER_WORDS_MAX = 180
const PROMPT_WORDS_MAX = 90
/** Undefined holds all that the model may say. */
const MAX_TOKENS = [16, 64, 64, 256, 256, 256, 512, 512, 1_024, 1_024, 2_048]
const UNCAPPED_SHARE = 0.05
const STREAMED_SHARE = 0.9

/** Requests of mixed sizes, over both surfaces to both upstreams. @param name is in their markers */
export function planFor (name: string, requests: number, random: () => number): Asked[] {
  const among = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T
  return Array.from({ length: requests }, (_, place): Asked => ({
    marker: `${name}.${place}`,
    surface: among(['openai', 'dashscope']),
    model: among(MODELS).name,
    isStream: random() < STREAMED_SHARE,
    prompt: `answer in words=${1 + Math.floor(random() ** 2 * ANSWER_WORDS_MAX)}: ${wordsFrom(random() * 16, random() ** 2 * PROMPT_WORDS_MAX)}`,
    maxTokens: random() < UNCAPPED_SHARE ? undefined : among(MAX_TOKENS),
    includesUsage: random() < 0.5
  }))
}

/** For the end: a short prompt and a long answer, so that the very last of a budget is used up in few steps. */
export function lastRequest (marker: string, model: ModelName): Asked {
  return { marker, surface: 'openai', model, isStream: false, prompt: 'words=1500', maxTokens: 4_000, includesUsage: false }
}

export function markedPrompt ({ marker, prompt }: Asked): string {
  return `[${marker}] ${prompt}`
}

/** The marker in what an upstream was asked, whichever protocol it was asked by. */
export function markerIn (body: Buffer): string {
  return /\[([\w.-]+)\] (?:answer|words)/.exec(body.toString())?.[1] ?? ''
}

/** Writes answers as long as the prompt says. */
export function author ({ messages }: Call): Answer {
  const words = Number(/words=(\d+)/.exec(messages.at(-1)?.content ?? '')?.[1] ?? 1)
  return { reasoning: '', content: wordsFrom(words, words), toolCalls: [] }
}

function wordsFrom (start: number, count: number): string {
  return Array.from({ length: Math.floor(count) }, (_, place) => WORDS[(Math.floor(start) + place) % WORDS.length]).join(' ')
}
