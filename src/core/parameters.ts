import { invalidParameter } from './errors.ts'
import { isObject, isRawNumber } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { Thinking } from './protocol.ts'

/**
 * The sampling and output options both protocols share, with the vendor's ranges and its own words for leaving them.
 * Each rule is given a value that is neither absent nor null (null means absent in both protocols) and returns the
 * vendor's message where the value is out of range. `max_tokens` is checked where the model's cap is known.
 * Source: the qwen-coder-turbo page's parameter tables and DashScope's error catalogue.
 */
const RULES: Readonly<Record<string, (value: JsonValue) => string | undefined>> = {
  temperature: (value) => float('temperature', value) ??
    unless(number(value) >= 0 && number(value) < 2, 'Temperature should be in [0.0, 2.0)'),
  top_p: (value) => float('top_p', value) ?? unless(number(value) > 0 && number(value) <= 1, 'Range of top_p should be (0.0, 1.0]'),
  top_k: (value) => integer('top_k', value) ?? unless(number(value) >= 1, 'Parameter top_k be greater than or equal to 1'),
  presence_penalty: (value) => float('presence_penalty', value) ??
    unless(Math.abs(number(value)) <= 2, 'Presence_penalty should be in [-2.0, 2.0]'),
  frequency_penalty: (value) => float('frequency_penalty', value) ??
    unless(Math.abs(number(value)) <= 2, 'Frequency_penalty should be in [-2.0, 2.0]'),
  repetition_penalty: (value) => float('repetition_penalty', value) ??
    unless(number(value) > 0, 'Repetition_penalty should be greater than 0.0'),
  seed: (value) => unless(isSeed(value), `Range of seed should be [0, ${SEED_MAX}]`),
  n: (value) => integer('n', value) ?? unless(number(value) >= 1 && number(value) <= 4, 'Range of n should be [1, 4]'),
  stop: (value) => unless(isStop(value), STOP_MESSAGE),
  tools: toolsFault,
  tool_choice: (value) => unless(isObject(value) || ['auto', 'none', 'required'].includes(value as string),
    'tool_choice is one of the strings that should be ["none", "auto"]'),
  parallel_tool_calls: (value) => boolean('parallel_tool_calls', value),
  logprobs: (value) => boolean('logprobs', value),
  top_logprobs: (value) => integer('top_logprobs', value) ??
    unless(number(value) >= 0 && number(value) <= 20, 'Range of top_logprobs should be [0, 20]'),
  response_format: (value) =>
    unless(isObject(value) && typeof value['type'] === 'string', "'response_format' must be an object with a type"),
  enable_thinking: (value) => boolean('enable_thinking', value),
  thinking_budget: (value) => integer('thinking_budget', value) ??
    unless(number(value) >= 1, 'The thinking_budget parameter must be a positive integer'),
  enable_search: (value) => boolean('enable_search', value),
  logit_bias: (value) => unless(isLogitBias(value), "'logit_bias' must map token ids to numbers from -100 to 100")
}

/** Names of the parameters both protocols express; a dialect that shares them copies them as they are. */
export const SHARED_PARAMETERS: ReadonlySet<string> = new Set([
  'temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'n', 'stop', 'tools', 'tool_choice',
  'parallel_tool_calls', 'logprobs', 'top_logprobs', 'response_format'
])

const SEED_MAX = 18_446_744_073_709_551_615n
const SEED_DIGITS_MAX = 20
const STOP_ENTRIES_MAX = 1_000
const TOOLS_MAX = 1_000
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/
const STOP_MESSAGE = 'The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", ' +
  'and all elements within the list must be of the same type.'

/** Checks every known parameter. `path` goes before the name in the error. @throws GatewayError `invalid_request` */
export function checkParameters (parameters: JsonObject, path = ''): void {
  for (const [name, rule] of Object.entries(RULES)) {
    const value = parameters[name]
    if (value === undefined || value === null) continue
    const message = rule(value)
    if (message !== undefined) throw invalidParameter(path + name, message)
  }
}

/** A parameter's boolean; null is absent. @throws GatewayError `invalid_request` where it is anything else */
export function booleanParameter (object: JsonObject, name: string, path = ''): boolean | undefined {
  const value = object[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw invalidParameter(path + name, `'${name}' must be Boolean`)
  return value
}

/** A whole number such as `16.0`; null is absent. Its range is the caller's to judge. @throws GatewayError `invalid_request` */
export function integerParameter (object: JsonObject, name: string, path = ''): number | undefined {
  const value = object[name]
  if (value === undefined || value === null) return undefined
  // A literal too long for a double is certainly beyond any cap, whose check then words the refusal.
  if (isRawNumber(value) && /^-?\d+$/.test(value.rawJSON)) return value.rawJSON.startsWith('-') ? -Infinity : Infinity
  const fault = integer(name, value)
  if (fault !== undefined) throw invalidParameter(path + name, fault)
  return value as number
}

const FETCHING = ['enable_search', 'enable_code_interpreter', 'web_search_options']

/** Whether the service is to search, or run code, and read what comes of it. */
export function asksToFetch (parameters: JsonObject): boolean {
  return FETCHING.some((name) => parameters[name] === true || isObject(parameters[name]))
}

/** What checked parameters say of thinking, in DashScope's words or in OpenAI's. */
export function thinkingOf (parameters: JsonObject): Thinking {
  const { enable_thinking: enabled, thinking_budget: budget, reasoning_effort: effort } = parameters
  const tokensMax = typeof budget === 'number' ? budget : undefined
  // Both may go up, and only newer models read the effort.
  if (enabled === true) return { asked: 'on', tokensMax }
  if (enabled === false || effort === 'none') return { asked: 'off', tokensMax }
  if (tokensMax !== undefined || typeof effort === 'string') return { asked: 'on', tokensMax }
  return { asked: 'unsaid', tokensMax }
}

function unless (holds: boolean, message: string): string | undefined {
  return holds ? undefined : message
}

function number (value: JsonValue): number {
  return value as number
}

function float (name: string, value: JsonValue): string | undefined {
  return unless(typeof value === 'number' && Number.isFinite(value), `'${name}' must be Float`)
}

function integer (name: string, value: JsonValue): string | undefined {
  return unless(Number.isInteger(value), `'${name}' must be Integer`)
}

function boolean (name: string, value: JsonValue): string | undefined {
  return unless(typeof value === 'boolean', `'${name}' must be Boolean`)
}

function isSeed (value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 && BigInt(value) <= SEED_MAX
  if (!isRawNumber(value)) return false
  return value.rawJSON.length <= SEED_DIGITS_MAX && /^\d+$/.test(value.rawJSON) && BigInt(value.rawJSON) <= SEED_MAX
}

function isStop (value: JsonValue): boolean {
  if (typeof value === 'string') return value !== ''
  if (!Array.isArray(value) || value.length > STOP_ENTRIES_MAX) return false
  return value.every((entry) => typeof entry === 'string' && entry !== '') || value.every(isTokenId) ||
    value.every((entry) => Array.isArray(entry) && entry.length > 0 && entry.length <= STOP_ENTRIES_MAX && entry.every(isTokenId))
}

function isTokenId (value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function toolsFault (value: JsonValue): string | undefined {
  if (!Array.isArray(value)) return "'tools' must be List"
  if (value.length > TOOLS_MAX) return `'tools' must have at most ${TOOLS_MAX} entries`
  for (const tool of value as readonly JsonValue[]) {
    if (!isObject(tool) || tool['type'] !== 'function') return "'tools': the type of a tool must be function"
    const definition = tool['function']
    const name = isObject(definition) ? definition['name'] : undefined
    if (typeof name !== 'string' || !TOOL_NAME.test(name)) {
      return "'tools': a function's name must be 1 to 64 letters, digits, underscores or dashes"
    }
  }
  return undefined
}

function isLogitBias (value: JsonValue): boolean {
  return isObject(value) && Object.entries(value).every(([token, bias]) =>
    /^\d{1,7}$/.test(token) && typeof bias === 'number' && Math.abs(bias) <= 100)
}
