import type { Test } from 'tap'
import type { NativeStream } from './sightings.ts'

/** An incremental stream: the frames are the pieces of the text, and only the last of them is finished. */
export function assertAddsUpTo (t: Test, { texts, finish_reasons: finishReasons }: NativeStream, text: string): void {
  t.equal(texts.join(''), text, 'the pieces make up the answer')
  t.ok(texts.length > 1, 'it came in pieces')
  assertFinishedOnce(t, finishReasons)
}

/** A cumulative stream: every frame begins with the one before, and the last is the text. */
export function assertAccumulates (t: Test, { texts, finish_reasons: finishReasons }: NativeStream, text: string): void {
  t.equal(texts.at(-1), text, 'the last frame is the answer')
  t.ok(texts.length > 1, 'it came in frames')
  t.ok(texts.every((frame, index) => frame.startsWith(texts[index - 1] ?? '')), 'every frame repeats the one before it')
  assertFinishedOnce(t, finishReasons)
}

function assertFinishedOnce (t: Test, finishReasons: readonly string[]): void {
  t.same(finishReasons, [...finishReasons.slice(1).map(() => 'null'), 'stop'], 'only the last frame is finished')
}
