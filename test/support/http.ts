import { eventsOf } from './sse.ts'
import type { Gateway } from './gateway.ts'
import type { SseEvent } from '../../src/core/sse-event.ts'

export const OPENAI_PATH = '/v1/chat/completions'
export const NATIVE_PATH = '/api/v1/services/aigc/text-generation/generation'
export const MULTIMODAL_PATH = '/api/v1/services/aigc/multimodal-generation/generation'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, for answers in one piece. */
  readonly json: any
  readonly events: readonly SseEvent[]
}

/** One POST as an HTTP client without an SDK makes it. `body` is sent as it is where it is text. */
export async function post (gateway: Pick<Gateway, 'url' | 'apiKey'>, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.apiKey}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  const text = await response.text()
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
  return { status: response.status, headers: response.headers, text, json: isStream ? undefined : JSON.parse(text), events: isStream ? eventsOf(text) : [] }
}

/** What the last request looked like when it reached the upstream. */
export function lastUpstreamBody (gateway: Gateway): any {
  return gateway.simulator.requests.at(-1)?.json
}
