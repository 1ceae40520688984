import { collect } from '../../core/collect.ts'
import type { Collected, CollectedChoice } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import { parseJsonObject } from '../../core/json.ts'
import type { ReplyIdentity } from '../../core/protocol.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { outputOf, shapeWithCalls, wholeCalls } from './answer.ts'
import type { AnswerShape, Piece } from './answer.ts'
import { createAnswerReader } from './answer-reader.ts'
import { faultIn } from './fault.ts'
import { finishReasonTo } from './finish-reason.ts'
import { usageTo } from './usage.ts'

/** A whole answer as the client wants it. @throws GatewayError the failure that `events` end in, if they do */
export function renderResponse (events: readonly ChatEvent[], shape: AnswerShape, reply: ReplyIdentity): Buffer {
  const last = events.at(-1)
  if (last?.type === 'response-error') throw last.error
  const collected = collect(events)
  const hasCalls = collected.choices.some(({ calls }) => calls.length > 0)
  return Buffer.from(JSON.stringify({
    output: { ...collected.extensions, ...outputOf(piecesOf(collected), hasCalls ? shapeWithCalls(shape) : shape) },
    usage: usageTo(collected.usage ?? NO_USAGE),
    request_id: reply.requestId
  }))
}

/** A whole answer of an upstream. @throws GatewayError where it is an error or no answer at all */
export function parseResponse (body: Buffer): ChatEvent[] {
  const document = parseJsonObject(body)
  if (document === undefined) throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not JSON.')
  const fault = faultIn(document)
  if (fault !== undefined) throw fault
  const reader = createAnswerReader()
  // A whole answer has ended whether or not it says why.
  return [...reader.read(document), ...reader.endChoices(), { type: 'response-end' }]
}

function piecesOf (collected: Collected): Piece[] {
  const choices = collected.choices.length === 0 ? collect([{ type: 'choice-end', choice: 0, reason: 'stop' }]).choices : collected.choices
  return choices.map(pieceOf)
}

function pieceOf (choice: CollectedChoice, index: number): Piece {
  return {
    choice: index,
    text: choice.text,
    reasoning: choice.reasoning === '' ? undefined : choice.reasoning,
    calls: wholeCalls(choice.calls),
    logprobs: choice.logprobs,
    finishReason: finishReasonTo(choice.reason ?? 'stop')
  }
}
