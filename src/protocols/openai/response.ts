import { collect } from '../../core/collect.ts'
import type { CollectedChoice } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AnswerFacts, ChatEvent } from '../../core/event.ts'
import { arrayAt, isObject, objectAt, parseJsonObject, stringAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Dialect, ReplyIdentity } from '../../core/protocol.ts'
import { Pieces, Transcripts } from '../../core/transcript.ts'
import { ChoiceReader } from './choices.ts'
import { readBody } from './decoder.ts'
import { completionId } from './encoder.ts'
import { faultOf } from './fault.ts'
import { renderToolCall } from './messages.ts'
import { parseUsage, renderUsage } from './usage.ts'
import { WIRE_REASONS, finishReasonOf } from './wire.ts'
import { writeMessage } from './written.ts'

/** @throws GatewayError where the body is an error or no answer at all */
export function parseResponse (body: Buffer): ChatEvent[] {
  const completion = parsedCompletion(body)
  const choices = new ChoiceReader()
  const events: ChatEvent[] = [{ type: 'response-start', id: stringAt(completion, 'id') }]
  readBody(completion, choices, events)
  events.push(...choices.end(), { type: 'response-end' })
  return events
}

/** The byte lane's look at a whole answer: its bytes go to the client as they are. */
export function observeResponse (body: Buffer): ReturnType<Dialect['observeResponse']> {
  const completion = parsedCompletion(body)
  return {
    usage: () => parseUsage(completion['usage']),
    transcripts: () => writtenIn(completion).all(),
    get hasThoughts () { return writtenIn(completion).hasThoughts },
    outputBytes: () => body.length,
    told: () => factsOf(completion)
  }
}

/** @throws GatewayError the stream's own, where the events end in one */
export function renderResponse (events: readonly ChatEvent[], reply: ReplyIdentity): Buffer {
  const last = events.at(-1)
  if (last?.type === 'response-error') throw last.error
  const { choices, usage, extensions } = collect(events)
  return Buffer.from(JSON.stringify({
    ...extensions,
    choices: choices.map(renderChoice),
    object: 'chat.completion',
    ...(usage === undefined ? {} : { usage: renderUsage(usage) }),
    created: reply.createdSeconds,
    system_fingerprint: null,
    model: reply.model,
    id: completionId(reply)
  }))
}

function renderChoice (choice: CollectedChoice, index: number): JsonObject {
  const callsTools = choice.calls.length > 0
  const message = {
    role: 'assistant',
    content: callsTools && choice.text === '' ? null : choice.text,
    ...(choice.reasoning === '' ? {} : { reasoning_content: choice.reasoning }),
    ...(callsTools ? { tool_calls: choice.calls.map(renderToolCall) } : {})
  }
  return { message, finish_reason: WIRE_REASONS[choice.reason ?? 'stop'], index, logprobs: choice.logprobs ?? null }
}

function parsedCompletion (body: Buffer): JsonObject {
  const completion = parseJsonObject(body)
  if (completion === undefined) throw new GatewayError('upstream_protocol', 'The upstream answered with something that is no JSON object.')
  const fault = faultOf(completion)
  if (fault !== undefined) throw fault
  if ((arrayAt(completion, 'choices') ?? []).filter(isObject).length === 0) {
    throw new GatewayError('upstream_protocol', 'The upstream answered without choices.')
  }
  return completion
}

function factsOf (completion: JsonObject): AnswerFacts {
  const finishReasons = (arrayAt(completion, 'choices') ?? []).flatMap((choice) => {
    const reason = isObject(choice) ? finishReasonOf(choice['finish_reason']) : undefined
    return reason === undefined ? [] : [reason]
  })
  return { id: stringAt(completion, 'id'), model: stringAt(completion, 'model'), finishReasons }
}

/** All choices of a whole answer, each of which has ended. */
function writtenIn (completion: JsonObject): Transcripts<Pieces> {
  const written = new Transcripts(() => new Pieces())
  for (const [index, choice] of (arrayAt(completion, 'choices') ?? []).entries()) {
    const message = isObject(choice) ? objectAt(choice, 'message') : undefined
    if (message === undefined) continue
    writeMessage(written, index, message)
    written.end(index)
  }
  return written
}
