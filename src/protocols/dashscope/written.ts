import { arrayAt, isObject, numberAt, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { Pieces, Transcripts } from '../../core/transcript.ts'
import { choicesOf, contentText } from './answer-reader.ts'

/** What the model wrote in frames that go on from each other. */
export function writtenIn (documents: readonly JsonObject[], { isWhole }: { readonly isWhole: boolean }): Transcripts<Pieces> {
  const written = new Transcripts(() => new Pieces())
  const indexes = new Set<number>()
  for (const document of documents) {
    for (const [position, choice] of choicesOf(objectAt(document, 'output')).entries()) {
      const index = numberAt(choice, 'index') ?? position
      indexes.add(index)
      writeMessage(written, index, objectAt(choice, 'message'))
    }
  }
  if (isWhole) for (const index of indexes) written.end(index)
  return written
}

function writeMessage (written: Transcripts<Pieces>, index: number, message: JsonObject | undefined): void {
  const thoughts = contentText(message?.['reasoning_content'])
  if (thoughts !== '') written.thoughts(index).appendText(thoughts)
  const text = contentText(message?.['content'])
  if (text !== '') written.text(index).appendText(text)
  for (const call of arrayAt(message, 'tool_calls') ?? []) {
    if (!isObject(call)) continue
    const definition = objectAt(call, 'function')
    written.call(index, numberAt(call, 'index'), stringAt(definition, 'name') ?? '').appendText(stringAt(definition, 'arguments') ?? '')
  }
}
