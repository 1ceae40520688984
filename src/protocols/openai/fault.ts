import type { GatewayError } from '../../core/errors.ts'
import { arrayAt, isObject, objectAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import { errorOfObject, errorOfText, isErrorFrame } from '../../core/upstream-fault.ts'
import { ERROR_FINISH, contentText } from './wire.ts'

/**
 * The error an event or a 2xx body carries in place of an answer, in any of the shapes DashScope's compatible mode is known
 * to use (test/fixtures/openai/README.md has the sources). A line cut without a word is the reader's to notice.
 */
export function faultOf (body: JsonObject, event?: Pick<SseEvent, 'type' | 'status'>): GatewayError | undefined {
  const choices = arrayAt(body, 'choices')
  const isErrorEvent = event !== undefined && isErrorFrame(event)
  if (isErrorEvent || isTruthy(body['error']) || (choices === undefined && isFlatError(body))) return errorOfObject(body, event?.status)
  for (const choice of choices ?? []) {
    // The error's text is a frame of the native protocol, handed on as if the model had said it.
    if (isObject(choice) && choice['finish_reason'] === ERROR_FINISH) return errorOfText(messageOf(choice))
  }
  return undefined
}

function messageOf (choice: JsonObject): string {
  return contentText((objectAt(choice, 'delta') ?? objectAt(choice, 'message'))?.['content'])
}

function isFlatError (body: JsonObject): boolean {
  return typeof body['message'] === 'string' && ['string', 'number'].includes(typeof body['code'])
}

function isTruthy (value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0
}
