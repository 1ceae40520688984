import type { OutputCapName } from '../../core/chat.ts'
import { GatewayError, invalidParameter } from '../../core/errors.ts'
import { arrayAt, isObject, numberAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { checkMessages } from '../../core/messages.ts'
import { booleanParameter, checkParameters, integerParameter } from '../../core/parameters.ts'
import type { ClientCall, Media } from '../../core/protocol.ts'
import type { VendorRules } from '../../core/target.ts'
import type { AnswerShape } from './answer.ts'
import { EMPTY_INPUT, EMPTY_MODEL, ILLEGAL_INPUT } from './error.ts'
import { checkHeaders, wantsStream } from './headers.ts'
import { checkHistory, checkToolNames, NATIVE_GRAMMAR } from './messages.ts'

export interface CheckedCall {
  readonly model: string
  readonly stream: boolean
  readonly input: JsonObject
  readonly parameters: JsonObject
  readonly outputTokensMax: number | undefined
  readonly outputCapName: OutputCapName
  /** The larger of the two caps, where both are given. */
  readonly outputTokensAsked: number | undefined
  readonly media: Media
  readonly shape: AnswerShape
}

export const TEXT_PATH = '/api/v1/services/aigc/text-generation/generation'
export const MULTIMODAL_PATH = '/api/v1/services/aigc/multimodal-generation/generation'

const MODEL_CHARACTERS_MAX = 256

/** Holds a call to the vendor's rules and finds out what is asked. @throws GatewayError in the vendor's words */
export function checkCall (call: ClientCall, rules: VendorRules): CheckedCall {
  checkHeaders(call.headers)
  const { document } = call.body
  const model = document['model']
  if (typeof model !== 'string' || model === '') throw invalidParameter('model', EMPTY_MODEL)
  if (model.length > MODEL_CHARACTERS_MAX) throw invalidParameter('model', 'Model not exist.')
  const input = document['input']
  if (input === undefined || input === null) throw invalidParameter('input', EMPTY_INPUT)
  if (!isObject(input)) throw invalidParameter('input', ILLEGAL_INPUT)
  const parameters = document['parameters'] ?? {}
  if (!isObject(parameters)) throw invalidParameter('parameters', 'Required body invalid, please check the request body format.')
  checkParameters(parameters, 'parameters.')
  const stream = wantsStream(call.headers)
  return {
    model,
    stream,
    input,
    parameters,
    ...outputCapOf(parameters),
    media: checkInput(input, rules),
    shape: shapeOf(parameters, { model, stream, multimodal: call.path === MULTIMODAL_PATH, rules })
  }
}

const NO_MEDIA: Media = { pictures: 0, others: 0 }

/** @returns what in the input is no text */
function checkInput (input: JsonObject, rules: VendorRules): Media {
  const { messages, prompt, history } = input
  const hasMessages = messages !== undefined && messages !== null
  const hasHistory = history !== undefined && history !== null
  const isText = prompt === undefined || prompt === null || typeof prompt === 'string'
  if (!isText) throw invalidParameter('input.prompt', "'prompt' must be Str")
  // The Java SDK may send an empty prompt beside messages; it says nothing.
  const hasPrompt = typeof prompt === 'string' && prompt !== ''
  if (!hasMessages && !hasPrompt) throw invalidParameter('input', 'Either "prompt" or "messages" must exist and cannot both be none')
  if (hasMessages && hasPrompt) throw invalidParameter('input.prompt', 'Only one of "prompt" and "messages" may be given')
  if (hasMessages && hasHistory) throw invalidParameter('input.history', '"history" goes with "prompt" and not with "messages"')
  if (hasHistory) checkHistory(history)
  if (!hasMessages) return NO_MEDIA
  const facts = checkMessages(messages, NATIVE_GRAMMAR, { strict: rules.strict })
  if (facts.roles.has('tool')) checkToolNames(arrayAt(input, 'messages') as readonly JsonObject[])
  return facts.media
}

/** Where both are given, the smaller one bounds the answer, for `max_completion_tokens` counts its thinking too. */
function outputCapOf (parameters: JsonObject): Pick<CheckedCall, 'outputTokensMax' | 'outputCapName' | 'outputTokensAsked'> {
  const answer = integerParameter(parameters, 'max_tokens', 'parameters.')
  const completion = integerParameter(parameters, 'max_completion_tokens', 'parameters.')
  if (completion === undefined) return { outputTokensMax: answer, outputCapName: 'max_tokens', outputTokensAsked: answer }
  const outputTokensAsked = Math.max(answer ?? 0, completion)
  return answer !== undefined && answer <= completion
    ? { outputTokensMax: answer, outputCapName: 'max_tokens', outputTokensAsked }
    : { outputTokensMax: completion, outputCapName: 'max_completion_tokens', outputTokensAsked }
}

interface ShapeFacts {
  readonly model: string
  readonly stream: boolean
  readonly multimodal: boolean
  readonly rules: VendorRules
}

function shapeOf (parameters: JsonObject, facts: ShapeFacts): AnswerShape {
  const defaults = facts.rules.nativeDefaults(facts.model)
  const choices = numberAt(parameters, 'n') ?? 1
  const hasTools = (arrayAt(parameters, 'tools') ?? []).length > 0
  const incremental = incrementalOutput(parameters, { stream: facts.stream, hasTools, strict: facts.rules.strict })
  // Text format has room for one text only, so what cannot be said in it makes messages the default.
  const needsMessage = hasTools || choices > 1 || facts.multimodal
  return {
    format: resultFormat(parameters, hasTools) ?? (needsMessage ? 'message' : defaults.resultFormat),
    content: facts.multimodal ? 'parts' : 'string',
    incremental: incremental ?? defaults.incrementalOutput,
    choices
  }
}

function resultFormat (parameters: JsonObject, hasTools: boolean): AnswerShape['format'] | undefined {
  const format = parameters['result_format']
  if (format === undefined || format === null) return undefined
  if (format !== 'text' && format !== 'message') {
    throw invalidParameter('parameters.result_format', 'The result_format parameter must be "text" or "message"')
  }
  if (format === 'text' && hasTools) {
    throw invalidParameter('parameters.result_format', 'The result_format parameter must be "message" when tools are given')
  }
  return format
}

function incrementalOutput (
  parameters: JsonObject, facts: { readonly stream: boolean, readonly hasTools: boolean, readonly strict: boolean }
): boolean | undefined {
  const incremental = booleanParameter(parameters, 'incremental_output', 'parameters.')
  if (incremental !== true) return incremental
  const param = 'parameters.incremental_output'
  if (!facts.stream) throw invalidParameter(param, 'parameter incremental_output only support stream call')
  if (facts.strict && facts.hasTools) {
    throw new GatewayError('unsupported_parameter', 'The incremental_output parameter cannot be used together with tools', { param })
  }
  return incremental
}
