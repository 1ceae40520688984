import type { Call } from './call.ts'
import type { Choice } from './completion.ts'
import { pauseMs } from './pace.ts'
import { piecesOf } from './pieces.ts'
import type { Piece } from './pieces.ts'
import { EVENT_STREAM, JSON_BODY, NATIVE_STYLE } from './reply.ts'
import type { Action, Frame, Reply } from './reply.ts'
import { tallyOf } from './tally.ts'
import type { Tally } from './tally.ts'
import type { Told } from './told.ts'
import { objectAt } from './wire-json.ts'
import type { JsonObject } from './wire-json.ts'

/** An answer as DashScope's own protocol writes it: `{output, usage, request_id}`, or one such object in each event. */
export function nativeReply (told: Told): Reply {
  return told.call.stream ? streamed(told) : whole(told)
}

function whole (told: Told): Reply {
  const { call, choices, identity } = told
  const said = choices.map(choice => ({
    choice: choice.index,
    content: choice.content,
    reasoning: choice.reasoning,
    toolCalls: choice.toolCalls.map((written, index) => ({
      index, id: identity.toolCallId(choice.index, index), type: 'function', function: { name: written.name, arguments: written.arguments }
    })),
    finishReason: choice.finishReason
  }))
  const tally = tallyOf(told.inputTokens, choices)
  const document = { output: outputOf(said, call), usage: usageOf(tally, call), request_id: identity.requestId }
  const action: Action = { type: 'document', document, pauseMs: pauseMs(tally.outputTokens, told.pace), charge: tally }
  return { status: 200, headers: JSON_BODY, style: NATIVE_STYLE, actions: [action] }
}

function streamed (told: Told): Reply {
  const pieces = piecesOf(told.choices, told.pace)
  const written = new Map<number, Said>()
  const latest = new Map<number, Piece>()
  let tokensBefore = 0
  const actions = pieces.map((piece, position): Action => {
    const said = told.call.incrementalOutput ? saidBy(piece, told) : accumulated(written.get(piece.choice), saidBy(piece, told))
    written.set(piece.choice, said)
    latest.set(piece.choice, piece)
    const tally = tallyOf(told.inputTokens, latest.values())
    const pause = pauseMs(tally.outputTokens - tokensBefore, told.pace)
    tokensBefore = tally.outputTokens
    return { type: 'frame', frame: nativeFrame(position + 1, said, { told, tally }), pauseMs: pause, charge: tally }
  })
  return { status: 200, headers: EVENT_STREAM, style: NATIVE_STYLE, actions }
}

function nativeFrame (id: number, said: Said, { told, tally }: { told: Told, tally: Tally }): Frame {
  const data = { output: outputOf([said], told.call), usage: usageOf(tally, told.call), request_id: told.identity.requestId }
  return { id, event: 'result', comment: 'HTTP_STATUS/200', data }
}

/** What one event says of one choice. */
interface Said {
  readonly choice: number
  readonly content: string
  readonly reasoning: string
  readonly toolCalls: readonly JsonObject[]
  readonly finishReason: Choice['finishReason'] | undefined
}

function saidBy (piece: Piece, told: Told): Said {
  const { choice, content, reasoning, toolCall, finishReason } = piece
  if (toolCall !== undefined) return { choice, content, reasoning, finishReason, toolCalls: [fragmentOf(choice, toolCall, told)] }
  // The event that ends a turn of calls still names the last one, with nothing to add to it.
  const lastCall = (told.choices[choice]?.toolCalls.length ?? 0) - 1
  if (finishReason === undefined || lastCall < 0) return { choice, content, reasoning, finishReason, toolCalls: [] }
  const trailing = fragmentOf(choice, { index: lastCall, name: undefined, arguments: '' }, told)
  return { choice, content, reasoning, finishReason, toolCalls: [trailing] }
}

function fragmentOf (choice: number, { index, name, arguments: text }: NonNullable<Piece['toolCall']>, told: Told): JsonObject {
  return name === undefined
    ? { id: '', index, type: 'function', function: { arguments: text } }
    : { id: told.identity.toolCallId(choice, index), index, type: 'function', function: { name, arguments: text } }
}

/** Output that is not incremental repeats everything said so far, tool arguments too. */
function accumulated (before: Said | undefined, now: Said): Said {
  if (before === undefined) return now
  const toolCalls = [...before.toolCalls]
  for (const fragment of now.toolCalls) {
    const index = fragment.index as number
    const known = toolCalls[index]
    toolCalls[index] = known === undefined ? fragment : joined(known, fragment)
  }
  return { ...now, content: before.content + now.content, reasoning: before.reasoning + now.reasoning, toolCalls }
}

function joined (known: JsonObject, fragment: JsonObject): JsonObject {
  const before = objectAt(known, 'function')
  return { ...known, function: { ...before, arguments: String(before.arguments) + String(objectAt(fragment, 'function').arguments) } }
}

function outputOf (said: readonly Said[], call: Call): JsonObject {
  const first = said[0]
  if (call.resultFormat === 'text' && first !== undefined) return { text: first.content, finish_reason: first.finishReason ?? 'null' }
  return { choices: said.map(one => choiceDocument(one, call)) }
}

function choiceDocument (said: Said, call: Call): JsonObject {
  const multimodal = said.content === '' ? [] : [{ text: said.content }]
  const content = call.service === 'multimodal' ? multimodal : said.content
  const message: JsonObject = call.stream ? { content, role: 'assistant' } : { role: 'assistant', content }
  if (call.thinking) message.reasoning_content = said.reasoning
  if (said.toolCalls.length > 0) message.tool_calls = said.toolCalls
  const finishReason = said.finishReason ?? 'null'
  const document: JsonObject = call.stream ? { message, finish_reason: finishReason } : { finish_reason: finishReason, message }
  if (call.choices > 1 || said.toolCalls.length > 0) document.index = said.choice
  return document
}

function usageOf (tally: Tally, call: Call): JsonObject {
  const usage: JsonObject = {
    total_tokens: tally.inputTokens + tally.outputTokens, output_tokens: tally.outputTokens, input_tokens: tally.inputTokens
  }
  if (call.stream) usage.prompt_tokens_details = { cached_tokens: 0 }
  if (call.thinking) usage.output_tokens_details = { text_tokens: tally.outputTokens, reasoning_tokens: tally.reasoningTokens }
  return usage
}
