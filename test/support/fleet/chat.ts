import { NATIVE_PATH, OPENAI_PATH } from '../http.ts'
import { eventsOf } from '../sse.ts'
import { markedPrompt } from './wording.ts'
import type { Marked } from './wording.ts'

/** One request as a client of either surface makes it. */
export interface Chat extends Marked {
  readonly surface: 'openai' | 'dashscope'
  readonly model: string
  readonly isStream: boolean
  /** Undefined holds all that the model may say. */
  readonly maxTokens: number | undefined
  /** Whether a stream of OpenAI's kind is to end with its usage. */
  readonly includesUsage: boolean
}

export interface Tokens { readonly inputTokens: number, readonly outputTokens: number }

export const GATEWAY_PATHS: Readonly<Record<Chat['surface'], string>> = { openai: OPENAI_PATH, dashscope: NATIVE_PATH }
export const UPSTREAM_PATHS = { openai: '/compatible-mode/v1/chat/completions', dashscope: NATIVE_PATH } as const

export function headersOf ({ surface, isStream }: Chat, key: string): Record<string, string> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return surface === 'dashscope' && isStream ? { ...headers, 'x-dashscope-sse': 'enable' } : headers
}

export function bodyOf (chat: Chat): object {
  const { surface, model, isStream, maxTokens, includesUsage } = chat
  const messages = [{ role: 'user', content: markedPrompt(chat) }]
  const cap = maxTokens === undefined ? {} : { max_tokens: maxTokens }
  if (surface === 'dashscope') return { model, input: { messages }, parameters: { result_format: 'message', incremental_output: isStream, ...cap } }
  return { model, messages, ...cap, ...(isStream ? { stream: true } : {}), ...(isStream && includesUsage ? { stream_options: { include_usage: true } } : {}) }
}

/** A stream that fails ends with an event that tells of the error. */
export function tellsOfError (text: string): boolean {
  return /^data: ?\{"(?:error|code)":/m.test(text)
}

interface WireUsage { readonly prompt_tokens?: number, readonly completion_tokens?: number, readonly input_tokens?: number, readonly output_tokens?: number }

/** What an answer says it used, if it says so. */
export function usedIn (text: string, isStream: boolean): Tokens | undefined {
  const documents = isStream ? eventsOf(text).map(({ data }) => data).filter((data) => data?.includes('"usage":{') === true) : [text]
  const { usage } = objectIn(documents.at(-1) ?? '') as { readonly usage?: WireUsage | null }
  const [inputTokens, outputTokens] = [Number(usage?.prompt_tokens ?? usage?.input_tokens), Number(usage?.completion_tokens ?? usage?.output_tokens)]
  return Number.isInteger(inputTokens) && Number.isInteger(outputTokens) ? { inputTokens, outputTokens } : undefined
}

/** Half an answer is no JSON. */
export function objectIn (text: string): object {
  try {
    return JSON.parse(text) as object
  } catch {
    return {}
  }
}
