import { memberBytes } from '../../core/body.ts'
import { promptOf } from '../../core/chat.ts'
import type { ChatRequest, OutputCapName, Prompt } from '../../core/chat.ts'
import type { VendorRules } from '../../core/target.ts'
import { GatewayError, invalidParameter } from '../../core/errors.ts'
import { arrayAt, isObject, numberAt, stringAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { checkMessages } from '../../core/messages.ts'
import { SHARED_PARAMETERS, booleanParameter, checkParameters, asksToFetch, integerParameter, thinkingOf } from '../../core/parameters.ts'
import type { ClientCall, Envelope, OpenedCall } from '../../core/protocol.ts'
import { checkWorkspace } from '../../core/workspace.ts'
import { createEncoder } from './encoder.ts'
import { vendorHeadersOf } from './extensions.ts'
import { MESSAGE_ROLES, parseMessages } from './messages.ts'
import { partFault } from './parts.ts'
import { renderResponse } from './response.ts'
import { PLACED_KEYS } from './wire.ts'

const MODEL_CHARS_MAX = 256

export function open (call: ClientCall, rules: VendorRules): OpenedCall {
  checkWorkspace(call.headers)
  const { document } = call.body
  const model = checkedModel(document)
  const stream = wantsStream(call)
  const { media } = checkMessages(document['messages'], { path: 'messages', roles: MESSAGE_ROLES, partFault }, rules)
  refuseFunctions(document)
  checkParameters(document)
  if (rules.strict && stream && (arrayAt(document, 'tools')?.length ?? 0) > 0) {
    throw invalidParameter('tools', 'tools cannot be used together with stream=True.')
  }
  const usageWanted = wantsUsage(document, stream)
  const cap = outputCap(document)

  let request: ChatRequest | undefined
  let prompt: Prompt | undefined
  const parseOnce = (): ChatRequest => (request ??= parseRequest(call, { stream, ...cap }))
  const envelope: Envelope = {
    model,
    stream,
    ...cap,
    choices: numberAt(document, 'n') ?? 1,
    // One cap goes up, so the other promises nothing.
    outputTokensAsked: cap.outputTokensMax,
    thinking: thinkingOf(document),
    media,
    otherBytes: call.body.bytes.length - memberBytes(call.body, 'messages') - memberBytes(call.body, 'tools'),
    fetches: asksToFetch(document),
    toolsBytes: arrayAt(document, 'tools') === undefined ? 0 : memberBytes(call.body, 'tools'),
    usageWanted,
    cumulative: false,
    prompt: () => (prompt ??= promptOf(parseOnce()))
  }
  return {
    envelope,
    parseRequest: parseOnce,
    renderResponse,
    createEncoder: (reply) => createEncoder(reply, { usage: usageWanted })
  }
}

function checkedModel (document: JsonObject): string {
  const model = stringAt(document, 'model')
  if (model === undefined || model === '') throw invalidParameter('model', 'you must provide a model parameter.')
  if (model.length > MODEL_CHARS_MAX) throw invalidParameter('model', `The model's name must have at most ${MODEL_CHARS_MAX} characters.`)
  return model
}

/** DashScope's Node SDK asks for a stream in its compatible mode by header alone; a body that says so decides. */
function wantsStream (call: ClientCall): boolean {
  return booleanParameter(call.body.document, 'stream') ?? call.headers['x-dashscope-sse']?.trim().toLowerCase() === 'enable'
}

function wantsUsage (document: JsonObject, stream: boolean): boolean {
  const options = document['stream_options']
  if (options === undefined || options === null) return false
  if (!isObject(options)) throw invalidParameter('stream_options', "'stream_options' must be an object")
  if (!stream) throw invalidParameter('stream_options', "'stream_options' is only allowed when 'stream' is true")
  return booleanParameter(options, 'include_usage', 'stream_options.') ?? false
}

function refuseFunctions (document: JsonObject): void {
  for (const name of ['functions', 'function_call']) {
    if (document[name] === undefined || document[name] === null) continue
    throw new GatewayError('unsupported_parameter', `'${name}' is deprecated and not supported; use 'tools' and 'tool_choice'.`, { param: name })
  }
}

interface OutputCap { readonly outputTokensMax: number | undefined, readonly outputCapPath: OutputCapName }

/** Where both names are given OpenAI's newer one governs. */
function outputCap (document: JsonObject): OutputCap {
  const older = integerParameter(document, 'max_tokens')
  const newer = integerParameter(document, 'max_completion_tokens')
  return newer === undefined
    ? { outputTokensMax: older, outputCapPath: 'max_tokens' }
    : { outputTokensMax: newer, outputCapPath: 'max_completion_tokens' }
}

function parseRequest (call: ClientCall, read: OutputCap & { readonly stream: boolean }): ChatRequest {
  const { document } = call.body
  const parameters: Record<string, JsonValue> = {}
  const extra: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(document)) {
    // Null stands for absent in both protocols.
    if (value === undefined || value === null) continue
    if (SHARED_PARAMETERS.has(key)) parameters[key] = value
    else if (!PLACED_KEYS.has(key)) extra[key] = value
  }
  return {
    messages: parseMessages(arrayAt(document, 'messages') ?? []),
    stream: read.stream,
    parameters,
    ...(read.outputTokensMax === undefined ? {} : { outputTokensMax: read.outputTokensMax, outputCapName: read.outputCapPath }),
    extra,
    vendorHeaders: vendorHeadersOf(call.headers)
  }
}
