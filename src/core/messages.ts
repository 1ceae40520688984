import { invalidParameter } from './errors.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { Media } from './protocol.ts'

/** Where a protocol's messages differ from the other's. */
export interface MessageGrammar {
  /** The path for errors: `messages` or `input.messages`. */
  readonly path: string
  readonly roles: ReadonlySet<string>
  /** Checks one content part; returns the message of refusal. */
  partFault (part: JsonObject, role: string): string | undefined
}

export interface MessageFacts {
  readonly media: Media
  readonly roles: ReadonlySet<string>
}

const MESSAGES_MAX = 10_000
const LAST_ROLES: ReadonlySet<string> = new Set(['user', 'tool', 'function'])

/**
 * The vendor's rules for a conversation, on the JSON as sent: the byte lane obeys them too. `strict` adds what the
 * qwen-coder-turbo page demands and the service lets pass, a system message in first place only.
 * @throws GatewayError `invalid_request` with the vendor's message
 */
export function checkMessages (
  messages: JsonValue | undefined, grammar: MessageGrammar, strictness: { strict: boolean }
): MessageFacts {
  const { path } = grammar
  if (!Array.isArray(messages)) throw invalidParameter(path, `'${path}' must be List`)
  if (messages.length === 0) throw invalidParameter(path, `[] is too short - '${path}'`)
  if (messages.length > MESSAGES_MAX) throw invalidParameter(path, `'${path}' must have at most ${MESSAGES_MAX} entries`)
  const roles = new Set<string>()
  const media = { pictures: 0, others: 0 }
  for (const [index, message] of (messages as readonly JsonValue[]).entries()) {
    const at = `${path}.[${index}]`
    if (!isObject(message)) throw invalidParameter(at, 'Input should be a valid dictionary or instance of GPT3Message')
    const role = checkRole(message, at, grammar)
    if (strictness.strict && index > 0 && (role === 'system' || role === 'developer')) {
      throw invalidParameter(`${at}.role`, 'Role system is only allowed in the first message')
    }
    roles.add(role)
    checkContent(message, role, { at, grammar, media })
    checkToolCalls(message, role, at)
  }
  checkToolAnswers(messages as readonly JsonObject[], path)
  checkLast((messages as readonly JsonObject[]).at(-1) as JsonObject, path)
  return { media, roles }
}

function checkRole (message: JsonObject, at: string, grammar: MessageGrammar): string {
  const role = message['role']
  if (typeof role !== 'string' || !grammar.roles.has(role)) {
    const shown = typeof role === 'string' ? role.slice(0, 32) : 'the role'
    throw invalidParameter(`${at}.role`, `${shown} is not one of [${[...grammar.roles].map((name) => `'${name}'`).join(', ')}] - '${at}.role'`)
  }
  return role
}

interface ContentContext {
  readonly at: string
  readonly grammar: MessageGrammar
  readonly media: { pictures: number, others: number }
}

/** Counts what is no text into the context's media. */
function checkContent (message: JsonObject, role: string, context: ContentContext): void {
  const content = message['content']
  const at = `${context.at}.content`
  if (typeof content === 'string') return
  if (content === undefined || content === null) {
    const callsTools = (message['tool_calls'] ?? message['function_call'] ?? null) !== null
    if (role === 'assistant' && (callsTools || message['partial'] === true)) return
    throw invalidParameter(at, 'The content field is a required field.')
  }
  if (!Array.isArray(content)) throw invalidParameter(at, 'input content must be a string.')
  for (const part of content as readonly JsonValue[]) {
    if (!isObject(part)) throw invalidParameter(at, 'Input should be a valid dictionary or instance of GPT3Message')
    const fault = context.grammar.partFault(part, role)
    if (fault !== undefined) throw invalidParameter(at, fault)
    if (isPicture(part)) context.media.pictures++
    else if (!isText(part)) context.media.others++
  }
}

const PICTURE_TYPES: ReadonlySet<unknown> = new Set(['image', 'image_url', 'input_image'])

function isPicture ({ type, image }: JsonObject): boolean {
  return type === undefined ? image !== undefined : PICTURE_TYPES.has(type)
}

/** Where a type is given, it decides: a picture may carry any other key beside it. */
function isText (part: JsonObject): boolean {
  const { type, text, refusal } = part
  return type === 'refusal' ? typeof refusal === 'string' : (type === undefined || type === 'text') && typeof text === 'string'
}

function checkToolCalls (message: JsonObject, role: string, at: string): void {
  const calls = message['tool_calls']
  if (calls === undefined || calls === null) return
  const valid = role === 'assistant' && Array.isArray(calls) && calls.every((call) => isObject(call) && isObject(call['function']) &&
    typeof call['function']['name'] === 'string')
  if (!valid) throw invalidParameter(`${at}.tool_calls`, "'tool_calls' must be a list of function calls on an assistant message")
}

/**
 * Every tool message must answer a call of the assistant message before it.
 * Source: "messages with role "tool" must be a response to a preceeding message with "tool_calls"." (sic)
 */
function checkToolAnswers (messages: readonly JsonObject[], path: string): void {
  let open = false
  for (const [index, message] of messages.entries()) {
    if (message['role'] === 'assistant') open = Array.isArray(message['tool_calls']) && message['tool_calls'].length > 0
    else if (message['role'] === 'tool') {
      if (!open) {
        throw invalidParameter(`${path}.[${index}].role`,
          'messages with role "tool" must be a response to a preceeding message with "tool_calls".')
      }
    } else open = false
  }
}

function checkLast (last: JsonObject, path: string): void {
  const role = last['role'] as string
  if (LAST_ROLES.has(role) || (role === 'assistant' && last['partial'] === true)) return
  throw invalidParameter(path,
    'Role must be in ["user","assistant","system","function","plugin","tool"] and the role in last message must be in ["user","function","tool"]')
}
