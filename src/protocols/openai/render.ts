import type { ChatRequest } from '../../core/chat.ts'
import type { DialectTarget } from '../../core/target.ts'
import { ignoredNames } from '../../core/ignored-parameters.ts'
import { arrayAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { UpstreamCall } from '../../core/protocol.ts'
import { callHeaders, isDisabledTopK, refuseDecisiveExtensions, toolChoiceFor, unmarkedTools } from './extensions.ts'
import { renderMessages } from './messages.ts'
import { CHAT_PATH } from './relay.ts'
import { PLACED_KEYS } from './wire.ts'

/** OpenAI's own parameters beyond those both protocols share; an upstream without extensions gets these and no others. */
const OPENAI_KEYS: ReadonlySet<string> = new Set([
  'audio', 'logit_bias', 'metadata', 'modalities', 'moderation', 'prediction', 'prompt_cache_key', 'prompt_cache_options',
  'prompt_cache_retention', 'reasoning_effort', 'safety_identifier', 'service_tier', 'store', 'user', 'verbosity', 'web_search_options'
])

/** The canonical request in OpenAI's words. A stream always asks for its usage, which the gateway charges. */
export function renderRequest (request: ChatRequest, target: DialectTarget): UpstreamCall {
  const stream = request.stream || target.quirks.streamOnly
  const toolChoice = toolChoiceFor(request.parameters['tool_choice'], target)
  const tools = target.quirks.extensions ? undefined : unmarkedTools(request.parameters)
  const { rendered, ignored } = renderExtra(request, target)
  const body: JsonObject = {
    model: target.model,
    messages: renderMessages(request.messages, target.quirks),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...request.parameters,
    ...(tools === undefined ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    ...parallelToolCalls(request, target),
    ...rendered,
    ...outputCap(request, target)
  }
  return {
    path: CHAT_PATH,
    headers: callHeaders({ stream, vendorHeaders: request.vendorHeaders }, target),
    body: Buffer.from(JSON.stringify(body)),
    stream,
    ignoredParameters: ignoredNames(ignored)
  }
}

/** DashScope calls one tool at a time unless told otherwise, OpenAI several: the difference has to be said. */
function parallelToolCalls (request: ChatRequest, target: DialectTarget): JsonObject {
  const hasTools = (arrayAt(request.parameters, 'tools')?.length ?? 0) > 0
  const isOpen = hasTools && !target.quirks.extensions && request.parameters['parallel_tool_calls'] === undefined
  return isOpen ? { parallel_tool_calls: false } : {}
}

/** The options only one protocol has a word for, and the names of those that this target has none for. */
function renderExtra (request: ChatRequest, target: DialectTarget): { rendered: JsonObject, ignored: string[] } {
  if (!target.quirks.extensions) refuseDecisiveExtensions({ ...request.parameters, ...request.extra })
  const rendered: Record<string, JsonValue> = {}
  const ignored: string[] = []
  for (const [key, value] of Object.entries(request.extra)) {
    // Another protocol's extension may bear the name of what the gateway has decided, such as the model.
    const isTaken = !PLACED_KEYS.has(key) && (target.quirks.extensions || OPENAI_KEYS.has(key))
    if (value === undefined || isDisabledTopK(key, value)) continue
    if (isTaken) rendered[key] = value
    else ignored.push(key)
  }
  return { rendered, ignored }
}

function outputCap (request: ChatRequest, target: DialectTarget): JsonObject {
  if (request.outputTokensMax === undefined) return {}
  const { extensions, maxCompletionTokens } = target.quirks
  // Servers that are neither OpenAI's nor DashScope's may know the older name alone.
  const name = extensions ? request.outputCapName ?? 'max_tokens' : 'max_tokens'
  return { [maxCompletionTokens ? 'max_completion_tokens' : name]: request.outputTokensMax }
}
