import type { FinishReason } from '../../core/event.ts'
import type { JsonValue } from '../../core/json.ts'

/** What `finish_reason` says while a choice is still being written: the word, not JSON's null. */
export const UNFINISHED = 'null'

const FROM_WIRE: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'], ['length', 'length'], ['tool_calls', 'tool-calls'], ['function_call', 'tool-calls'], ['content_filter', 'content-filter']
])

const TO_WIRE: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter'
}

/** Undefined while the choice goes on: absent, null, '' and "null" all mean that. A word we do not know ended the choice too. */
export function finishReasonFrom (wire: JsonValue | undefined): FinishReason | undefined {
  if (typeof wire !== 'string' || wire === '' || wire === UNFINISHED) return undefined
  return FROM_WIRE.get(wire) ?? 'stop'
}

export function finishReasonTo (reason: FinishReason): string {
  return TO_WIRE[reason]
}
