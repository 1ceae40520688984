import { Agent, request } from 'undici'
import { bodyOf, headersOf, tellsOfError, usedIn } from '../../support/fleet/chat.ts'
import type { Chat, Tokens } from '../../support/fleet/chat.ts'

/** How a request ended for its client; `failed` is an answer that nothing in this proof may lead to. */
export interface Outcome {
  readonly status: 'answered' | 'no_budget' | 'no_place' | 'unavailable' | 'broken' | 'failed'
  readonly requestId: string | undefined
  /** What the answer says it used, if it says so. */
  readonly used: Tokens | undefined
}

export interface Address { readonly url: string, readonly key: string, readonly paths: Readonly<Record<Chat['surface'], string>> }

/** Connections of all clients together. */
export interface Connections {
  /** Asks, and reads the answer to its end. It never rejects. */
  ask (asked: Chat, address: Address): Promise<Outcome>
  close (): Promise<void>
}

export function openConnections (): Connections {
  const agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 })
  return {
    ask: async (asked, address) => await ask(asked, address, agent),
    close: async () => { await agent.destroy() }
  }
}

async function ask (asked: Chat, { url, key, paths }: Address, dispatcher: Agent): Promise<Outcome> {
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

function statusOf (statusCode: number, text: string): Outcome['status'] {
  if (statusCode === 200) return tellsOfError(text) ? 'broken' : 'answered'
  if (statusCode === 503) return 'unavailable'
  if (statusCode !== 429) return 'failed'
  return /"insufficient_quota"|"Throttling\.AllocationQuota"/.test(text) ? 'no_budget' : 'no_place'
}
