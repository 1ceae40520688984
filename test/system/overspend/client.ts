import { Agent, request } from 'undici'
import { eventsOf } from '../../support/sse.ts'
import { NATIVE_PATH, OPENAI_PATH } from '../../support/http.ts'
import { markedPrompt } from './plan.ts'
import type { Amount } from './scene.ts'
import type { Asked } from './plan.ts'

/** How a request ended for its client; `failed` is an answer that nothing in this proof may lead to. */
export interface Outcome {
  readonly status: 'answered' | 'no_budget' | 'no_place' | 'unavailable' | 'broken' | 'failed'
  readonly requestId: string | undefined
  /** What the answer says it used, if it says so. */
  readonly used: Amount | undefined
}

export interface Address { readonly url: string, readonly key: string, readonly paths: Readonly<Record<Asked['surface'], string>> }

export const GATEWAY_PATHS = { openai: OPENAI_PATH, dashscope: NATIVE_PATH } as const
export const UPSTREAM_PATHS = { openai: '/compatible-mode/v1/chat/completions', dashscope: NATIVE_PATH } as const

/** Connections of all clients together. */
export interface Connections {
  /** Asks, and reads the answer to its end. It never rejects. */
  ask (asked: Asked, address: Address): Promise<Outcome>
  close (): Promise<void>
}

export function openConnections (): Connections {
  const agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 })
  return {
    ask: async (asked, address) => await ask(asked, address, agent),
    close: async () => { await agent.destroy() }
  }
}

async function ask (asked: Asked, { url, key, paths }: Address, dispatcher: Agent): Promise<Outcome> {
  const answer: { requestId: string | undefined, text?: string, statusCode?: number } = { requestId: undefined }
  try {
    const { statusCode, headers, body } = await request(url + paths[asked.surface], {
      dispatcher, method: 'POST', headers: headersOf(asked, key), body: JSON.stringify(bodyOf(asked))
    })
    answer.requestId = String(headers['x-request-id'])
    answer.text = await body.text()
    answer.statusCode = statusCode
  } catch {
    return { status: 'broken', requestId: answer.requestId, used: undefined }
  }
  const { requestId, text, statusCode } = answer
  return { status: statusOf(statusCode, text), requestId, used: usedIn(text, asked.isStream && statusCode === 200) }
}

function headersOf ({ surface, isStream }: Asked, key: string): Record<string, string> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return surface === 'dashscope' && isStream ? { ...headers, 'x-dashscope-sse': 'enable' } : headers
}

function bodyOf (asked: Asked): object {
  const { surface, model, isStream, maxTokens, includesUsage } = asked
  const messages = [{ role: 'user', content: markedPrompt(asked) }]
  const cap = maxTokens === undefined ? {} : { max_tokens: maxTokens }
  if (surface === 'dashscope') return { model, input: { messages }, parameters: { result_format: 'message', incremental_output: isStream, ...cap } }
  return { model, messages, ...cap, ...(isStream ? { stream: true } : {}), ...(isStream && includesUsage ? { stream_options: { include_usage: true } } : {}) }
}

/** A broken stream ends with an event that tells of the error. */
function statusOf (statusCode: number, text: string): Outcome['status'] {
  if (statusCode === 200) return /^data: ?\{"(?:error|code)":/m.test(text) ? 'broken' : 'answered'
  if (statusCode === 503) return 'unavailable'
  if (statusCode !== 429) return 'failed'
  return /"insufficient_quota"|"Throttling\.AllocationQuota"/.test(text) ? 'no_budget' : 'no_place'
}

interface WireUsage { readonly prompt_tokens?: number, readonly completion_tokens?: number, readonly input_tokens?: number, readonly output_tokens?: number }

function usedIn (text: string, isStream: boolean): Amount | undefined {
  const documents = isStream ? eventsOf(text).map(({ data }) => data).filter((data) => data?.includes('"usage":{') === true) : [text]
  const last = documents.at(-1)
  if (last === undefined) return undefined
  const { usage } = JSON.parse(last) as { usage?: WireUsage }
  if (usage === undefined) return undefined
  return { inputTokens: Number(usage.prompt_tokens ?? usage.input_tokens), outputTokens: Number(usage.completion_tokens ?? usage.output_tokens) }
}
