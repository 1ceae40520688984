import type { Transcript } from '../../src/core/transcript.ts'

/** All that was written, one choice behind the other. */
export function writtenIn (seen: { transcripts (): readonly Transcript[] } | undefined): string {
  return seen?.transcripts().map(({ text }) => text).join('') ?? ''
}
