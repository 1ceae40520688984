import { thoughtsIn } from '../core/transcript.ts'
import type { TokenCounter } from '../tokens/counter.ts'
import type { Transcript } from '../core/transcript.ts'

/** The tokens of all that was written, by the rules of the service: at once where it is short, else by a promise. */
export function countOutput (transcripts: readonly Transcript[], tokens: TokenCounter): number | Promise<number> {
  return sum(transcripts.map(({ text, isFramed }) => tokens.countText(text, { special: isFramed ? 'parsed' : 'text' })))
}

/** Those of them that are thoughts. */
export function countThoughts (transcripts: readonly Transcript[], tokens: TokenCounter): number | Promise<number> {
  return sum(transcripts.map(thoughtsIn).filter((text) => text !== '').map((text) => tokens.countText(text)))
}

function sum (counts: readonly (number | Promise<number>)[]): number | Promise<number> {
  if (counts.every((count) => typeof count === 'number')) return counts.reduce((total, count) => total + count, 0)
  return Promise.all(counts).then((resolved) => resolved.reduce((total, count) => total + count, 0))
}
