import { memberBytes } from '../../core/body.ts'
import { promptOf } from '../../core/chat.ts'
import type { ChatRequest } from '../../core/chat.ts'
import type { VendorRules } from '../../core/target.ts'
import { arrayAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { SHARED_PARAMETERS, asksToFetch, thinkingOf } from '../../core/parameters.ts'
import type { ClientCall, OpenedCall } from '../../core/protocol.ts'
import { checkCall } from './check.ts'
import type { CheckedCall } from './check.ts'
import { createEncoder } from './encoder.ts'
import { forwardedHeaders } from './headers.ts'
import { messagesFrom } from './messages.ts'
import { renderResponse } from './response.ts'

/** What shapes the answer or was read already; everything else in `parameters` travels. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'result_format', 'incremental_output', 'stream', 'max_tokens', 'max_completion_tokens'
])

/** Options beside `model`, `input` and `parameters` are ignored, as the vendor ignores them. @throws GatewayError in 4xx kinds */
export function openCall (call: ClientCall, rules: VendorRules): OpenedCall {
  const checked = checkCall(call, rules)
  let parsed: ChatRequest | undefined
  const parseRequest = (): ChatRequest => {
    parsed ??= requestFrom(checked, call)
    return parsed
  }
  return {
    envelope: {
      model: checked.model,
      stream: checked.stream,
      choices: checked.shape.choices,
      outputTokensMax: checked.outputTokensMax,
      outputCapPath: `parameters.${checked.outputCapName}`,
      outputTokensAsked: checked.outputTokensAsked,
      thinking: thinkingOf(checked.parameters),
      media: checked.media,
      otherBytes: otherBytes(call),
      fetches: asksToFetch(checked.parameters),
      toolsBytes: arrayAt(checked.parameters, 'tools') === undefined ? 0 : memberBytes(call.body, 'parameters.tools'),
      // Every native frame carries the usage.
      usageWanted: true,
      cumulative: checked.stream && !checked.shape.incremental,
      prompt: () => promptOf(parseRequest())
    },
    parseRequest,
    renderResponse: (events, reply) => renderResponse(events, checked.shape, reply),
    createEncoder: (reply) => createEncoder(checked.shape, reply)
  }
}

const COUNTED_MEMBERS = ['input.messages', 'input.prompt', 'input.history', 'parameters.tools']

function otherBytes ({ body }: ClientCall): number {
  return COUNTED_MEMBERS.reduce((bytes, path) => bytes - memberBytes(body, path), body.bytes.length)
}

function requestFrom (checked: CheckedCall, call: ClientCall): ChatRequest {
  const { outputTokensMax, outputCapName } = checked
  return {
    messages: messagesFrom(checked.input),
    stream: checked.stream,
    ...parametersFrom(checked.parameters),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax, outputCapName }),
    vendorHeaders: forwardedHeaders(call.headers)
  }
}

function parametersFrom (wire: JsonObject): { parameters: JsonObject, extra: JsonObject } {
  const parameters: Record<string, JsonValue> = {}
  const extra: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(wire)) {
    // The vendor's page has null mean the same as absent, for top_k in so many words.
    if (value === undefined || value === null || NOT_FORWARDED.has(name)) continue
    if (SHARED_PARAMETERS.has(name)) parameters[name] = value
    else extra[name] = value
  }
  return { parameters, extra }
}
