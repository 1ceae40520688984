import { arrayAt, isObject, numberAt, objectAt, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { GrowingText, Transcripts } from '../../core/transcript.ts'
import { argumentsText } from './messages.ts'
import { contentText, reasoningText } from './wire.ts'

/** Writes down what the model said in a message or delta, for an estimate of its tokens. */
export function writeMessage (written: Transcripts<GrowingText>, index: number, message: JsonObject): void {
  const thoughts = reasoningText(message)
  if (thoughts !== '') written.thoughts(index).appendText(thoughts)
  const text = contentText(message['content']) + contentText(message['refusal'])
  if (text !== '') written.text(index).appendText(text)
  for (const call of arrayAt(message, 'tool_calls') ?? []) {
    if (!isObject(call)) continue
    const definition = objectAt(call, 'function')
    written.call(index, numberAt(call, 'index'), stringAt(definition, 'name') ?? '').appendText(argumentsText(definition?.['arguments']))
  }
}
