import type { ChatRequest } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import type { DialectTarget } from '../../core/target.ts'
import type { HeaderValues } from '../../core/protocol.ts'
import { arrayAt, isObject, withoutKeys } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'

/** DashScope's additions that only tune an answer: an upstream without them answers the same question. */
const TUNING_KEYS: ReadonlySet<string> = new Set([
  'top_k', 'repetition_penalty', 'enable_thinking', 'thinking_budget', 'preserve_thinking', 'enable_search', 'search_options',
  'enable_code_interpreter', 'vl_high_resolution_images', 'max_input_tokens', 'tool_stream', 'incremental_output', 'result_format'
])

/** DashScope's additions that ask for something else than an answer to the messages. */
const DECISIVE_KEYS: ReadonlySet<string> = new Set(['translation_options', 'asr_options'])

const STOP_STRINGS_MAX = 4
const VENDOR_HEADERS: readonly string[] = ['x-dashscope-workspace', 'x-dashscope-datainspection', 'x-dashscope-ossresourceresolve']

export function isTuningKey (key: string): boolean {
  return TUNING_KEYS.has(key)
}

/** Above this top_k turns itself off, which is the same as not sending it. Source: the qwen-coder-turbo page, top_k. */
const TOP_K_MAX = 100

export function isDisabledTopK (key: string, value: JsonValue | undefined): boolean {
  return key === 'top_k' && (value === null || (typeof value === 'number' && value > TOP_K_MAX))
}

/** Refuses what an upstream without DashScope's extensions would answer wrongly. @throws GatewayError `unsupported_parameter` */
export function refuseDecisiveExtensions (parameters: JsonObject): void {
  for (const key of DECISIVE_KEYS) {
    if (parameters[key] !== undefined && parameters[key] !== null) throw unsupported(key, `This model does not support ${key}.`)
  }
  const stop = parameters['stop']
  if (!Array.isArray(stop)) return
  if (!stop.every((entry) => typeof entry === 'string')) throw unsupported('stop', 'This model takes stop as text, not as token ids.')
  if (stop.length > STOP_STRINGS_MAX) throw unsupported('stop', `This model takes at most ${STOP_STRINGS_MAX} stop strings.`)
}

/** What to send as `tool_choice`, or undefined to leave it. @throws GatewayError `unsupported_parameter` where that is refused */
export function toolChoiceFor (toolChoice: JsonValue | undefined, target: DialectTarget): JsonValue | undefined {
  if (toolChoice !== 'required' || target.quirks.toolChoiceRequired === 'pass') return undefined
  if (target.quirks.toolChoiceRequired === 'auto') return 'auto'
  throw unsupported('tool_choice', 'This model does not support tool_choice "required".')
}

const CACHE_MARK: ReadonlySet<string> = new Set(['cache_control'])

/** Tools without the cache marks only DashScope reads, or undefined where they have none. */
export function unmarkedTools (parameters: JsonObject): JsonValue[] | undefined {
  const tools = arrayAt(parameters, 'tools')
  if (tools === undefined || !tools.some((tool) => isObject(tool) && tool['cache_control'] !== undefined)) return undefined
  return tools.map((tool) => isObject(tool) ? withoutKeys(tool, CACHE_MARK) : tool)
}

/** The client's headers that DashScope reads and nobody else does. */
export function vendorHeadersOf (headers: HeaderValues): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of VENDOR_HEADERS) {
    const value = headers[name]
    if (value !== undefined) found[name] = value
  }
  return found
}

export function callHeaders (request: Pick<ChatRequest, 'stream' | 'vendorHeaders'>, target: DialectTarget): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: request.stream ? 'text/event-stream' : 'application/json',
    ...(target.quirks.extensions ? request.vendorHeaders : {})
  }
}

function unsupported (param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param })
}
