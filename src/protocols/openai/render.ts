import type { ChatRequest } from '../../core/chat.ts'
import type { Target } from '../../core/catalog.ts'
import { arrayAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { UpstreamCall } from '../../core/protocol.ts'
import { callHeaders, refuseDecisiveExtensions, toolChoiceFor, unmarkedTools } from './extensions.ts'
import { renderMessages } from './messages.ts'
import { CHAT_PATH } from './relay.ts'
import { PLACED_KEYS } from './wire.ts'

/** Above this top_k turns itself off, which is the same as not sending it. Source: the qwen-coder-turbo page, top_k. */
const TOP_K_MAX = 100

/** OpenAI's own parameters beyond those both protocols share; an upstream without extensions gets these and no others. */
const OPENAI_KEYS: ReadonlySet<string> = new Set([
  'audio', 'logit_bias', 'metadata', 'modalities', 'moderation', 'prediction', 'prompt_cache_key', 'prompt_cache_options',
  'prompt_cache_retention', 'reasoning_effort', 'safety_identifier', 'service_tier', 'store', 'user', 'verbosity', 'web_search_options'
])

/** The canonical request in OpenAI's words. A stream always asks for its usage, which the gateway charges. */
export function renderRequest (request: ChatRequest, target: Target): UpstreamCall {
  const stream = request.stream || target.quirks.streamOnly
  const toolChoice = toolChoiceFor(request.parameters['tool_choice'], target)
  const tools = target.quirks.extensions ? undefined : unmarkedTools(request.parameters)
  const body: JsonObject = {
    model: target.model,
    messages: renderMessages(request.messages, target.quirks),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...request.parameters,
    ...(tools === undefined ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    ...parallelToolCalls(request, target),
    ...renderExtra(request, target),
    ...outputCap(request, target)
  }
  return {
    path: CHAT_PATH,
    headers: callHeaders({ stream, vendorHeaders: request.vendorHeaders }, target),
    body: Buffer.from(JSON.stringify(body)),
    stream
  }
}

/** DashScope calls one tool at a time unless told otherwise, OpenAI several: the difference has to be said. */
function parallelToolCalls (request: ChatRequest, target: Target): JsonObject {
  const hasTools = (arrayAt(request.parameters, 'tools')?.length ?? 0) > 0
  const isOpen = hasTools && !target.quirks.extensions && request.parameters['parallel_tool_calls'] === undefined
  return isOpen ? { parallel_tool_calls: false } : {}
}

function renderExtra (request: ChatRequest, target: Target): JsonObject {
  if (!target.quirks.extensions) refuseDecisiveExtensions({ ...request.parameters, ...request.extra })
  const rendered: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(request.extra)) {
    // Another protocol's extension may bear the name of what the gateway has decided, such as the model.
    if (value === undefined || PLACED_KEYS.has(key) || (key === 'top_k' && isDisabledTopK(value))) continue
    if (target.quirks.extensions || OPENAI_KEYS.has(key)) rendered[key] = value
  }
  return rendered
}

function isDisabledTopK (value: JsonValue): boolean {
  return value === null || (typeof value === 'number' && value > TOP_K_MAX)
}

function outputCap (request: ChatRequest, target: Target): JsonObject {
  if (request.outputTokensMax === undefined) return {}
  return { [target.quirks.maxCompletionTokens ? 'max_completion_tokens' : 'max_tokens']: request.outputTokensMax }
}
