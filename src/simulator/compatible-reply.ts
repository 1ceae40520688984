import type { Choice } from './completion.ts'
import { pauseMs } from './pace.ts'
import { piecesOf } from './pieces.ts'
import type { Piece } from './pieces.ts'
import { COMPATIBLE_STYLE, EVENT_STREAM, JSON_BODY } from './reply.ts'
import type { Action, Reply } from './reply.ts'
import { tallyOf } from './tally.ts'
import type { Tally } from './tally.ts'
import type { Told } from './told.ts'
import type { JsonObject } from './wire-json.ts'

/** An answer as the OpenAI-compatible mode writes it. */
export function compatibleReply (told: Told): Reply {
  return told.call.stream ? streamed(told) : whole(told)
}

function whole (told: Told): Reply {
  const { call, choices, identity } = told
  const tally = tallyOf(told.inputTokens, choices)
  const document = {
    choices: choices.map(choice => ({
      message: messageOf(choice, told), finish_reason: choice.finishReason, index: choice.index, logprobs: null
    })),
    object: 'chat.completion',
    usage: usageOf(tally, told),
    created: identity.createdSeconds,
    system_fingerprint: null,
    model: call.model.name,
    id: `chatcmpl-${identity.requestId}`
  }
  const action: Action = { type: 'document', document, pauseMs: pauseMs(tally.outputTokens, told.pace), charge: tally }
  return { status: 200, headers: JSON_BODY, style: COMPATIBLE_STYLE, actions: [action] }
}

function messageOf (choice: Choice, { call, identity }: Told): JsonObject {
  const message: JsonObject = { role: 'assistant', content: choice.content }
  if (call.thinking) message.reasoning_content = choice.reasoning
  if (choice.toolCalls.length > 0) {
    message.tool_calls = choice.toolCalls.map((written, index) => ({
      index, id: identity.toolCallId(choice.index, index), type: 'function', function: { name: written.name, arguments: written.arguments }
    }))
  }
  return message
}

function streamed (told: Told): Reply {
  const latest = new Map<number, Piece>()
  let tally = tallyOf(told.inputTokens, [])
  const actions = told.choices.map((choice): Action => {
    const first = { content: '', role: 'assistant', ...(told.call.thinking ? { reasoning_content: '' } : {}) }
    return { type: 'frame', frame: { data: chunkOf([choiceOf(choice.index, first, null)], told) }, pauseMs: 0, charge: tally }
  })
  for (const piece of piecesOf(told.choices, told.pace)) {
    latest.set(piece.choice, piece)
    const tokensBefore = tally.outputTokens
    tally = tallyOf(told.inputTokens, latest.values())
    const data = chunkOf([choiceOf(piece.choice, deltaOf(piece, told), piece.finishReason ?? null)], told)
    actions.push({ type: 'frame', frame: { data }, pauseMs: pauseMs(tally.outputTokens - tokensBefore, told.pace), charge: tally })
  }
  if (told.call.includeUsage) {
    actions.push({ type: 'frame', frame: { data: { ...chunkOf([], told), usage: usageOf(tally, told) } }, pauseMs: 0, charge: tally })
  }
  actions.push({ type: 'frame', frame: { data: '[DONE]' }, pauseMs: 0, charge: tally })
  return { status: 200, headers: EVENT_STREAM, style: COMPATIBLE_STYLE, actions }
}

function chunkOf (choices: readonly JsonObject[], { call, identity }: Told): JsonObject {
  return {
    choices,
    object: 'chat.completion.chunk',
    usage: null,
    created: identity.createdSeconds,
    system_fingerprint: null,
    model: call.model.name,
    id: `chatcmpl-${identity.requestId}`
  }
}

function choiceOf (index: number, delta: JsonObject, finishReason: string | null): JsonObject {
  return { delta, finish_reason: finishReason, index, logprobs: null }
}

function deltaOf (piece: Piece, told: Told): JsonObject {
  if (piece.toolCall !== undefined) return { content: null, tool_calls: [fragmentOf(piece.choice, piece.toolCall, told)] }
  if (piece.reasoning !== '') return { content: null, reasoning_content: piece.reasoning }
  return told.call.thinking ? { content: piece.content, reasoning_content: null } : { content: piece.content }
}

/** Behind the opening of a call the service sends an empty id and no name, where OpenAI leaves both out. */
function fragmentOf (choice: number, { index, name, arguments: text }: NonNullable<Piece['toolCall']>, told: Told): JsonObject {
  const id = name === undefined ? '' : told.identity.toolCallId(choice, index)
  return { index, id, type: 'function', function: { name: name ?? null, arguments: text } }
}

function usageOf (tally: Tally, { call }: Told): JsonObject {
  const usage: JsonObject = {
    prompt_tokens: tally.inputTokens,
    completion_tokens: tally.outputTokens,
    total_tokens: tally.inputTokens + tally.outputTokens
  }
  if (call.thinking) usage.completion_tokens_details = { reasoning_tokens: tally.reasoningTokens }
  if (call.stream) usage.prompt_tokens_details = { cached_tokens: 0 }
  return usage
}
