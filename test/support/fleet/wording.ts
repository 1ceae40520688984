import type { Answer } from '../../../src/simulator/answer.ts'
import type { Call } from '../../../src/simulator/call.ts'

// Prompts that say how long their answer is to be, and carry a marker by which the simulator's own record of them is found.

const WORDS = [
  'budget', 'the stream', '令牌', 'of a gateway', 'const spent = held + 1;', '预算不会超支', 'every request', 'return', '并发', 'twelve',
  'sum += amount', '一次', 'settled', 'never twice', '网关', 'for (const one of all)'
]

export interface Marked { readonly marker: string, readonly prompt: string }

export function markedPrompt ({ marker, prompt }: Marked): string {
  return `[${marker}] ${prompt}`
}

/** The marker in what an upstream was asked, whichever protocol it was asked by. */
export function markerIn (body: Buffer): string {
  return /\[([\w.-]+)\] (?:answer|words)/.exec(body.toString())?.[1] ?? ''
}

/** Of so many words, and with an answer of so many. */
export function promptOf (promptWords: number, answerWords: number, random: () => number): string {
  return `answer in words=${Math.floor(answerWords)}: ${wordsFrom(random() * WORDS.length, promptWords)}`
}

/** Writes answers as long as the prompt says. */
export function author ({ messages }: Call): Answer {
  const words = Number(/words=(\d+)/.exec(messages.at(-1)?.content ?? '')?.[1] ?? 1)
  return { reasoning: '', content: wordsFrom(words, words), toolCalls: [] }
}

function wordsFrom (start: number, count: number): string {
  return Array.from({ length: Math.floor(count) }, (_, place) => WORDS[(Math.floor(start) + place) % WORDS.length]).join(' ')
}
