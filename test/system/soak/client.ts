import { request } from 'undici'
import { bodyOf, GATEWAY_PATHS, headersOf, objectIn, tellsOfError, usedIn } from '../../support/fleet/chat.ts'
import { countText } from '../../../src/tokens/count.ts'
import { eventsOf } from '../../support/sse.ts'
import type { Chat, Tokens } from '../../support/fleet/chat.ts'
import type { Dispatcher } from 'undici'
import type { Planned } from './plan.ts'

/** How a request ended for its client. */
export interface Told {
  /**
   * `answered` whole; `failed` by an error of the upstream's; `refused` by a limit of ours; `unavailable` for want of the store;
   * `broken` by an error in its stream; `lost` with the connection; `left` by the client itself.
   */
  readonly how: 'answered' | 'failed' | 'refused' | 'unavailable' | 'broken' | 'lost' | 'left'
  /** Undefined where no head came. */
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** What the answer says it used, if it says so. */
  readonly used: Tokens | undefined
  /** What came of a stream, as tokens of its text. */
  readonly receivedTokens: number
}

/** Asks, and reads the answer to its end or to where the client leaves. It never rejects. */
export async function ask ({ chat, leaves }: Planned, { url, key }: { readonly url: string, readonly key: string }, dispatcher: Dispatcher): Promise<Told> {
  const leaving = new AbortController()
  const timer = leaves !== undefined && 'afterMs' in leaves ? setTimeout(() => leaving.abort(), leaves.afterMs) : undefined
  const chunksMax = leaves !== undefined && 'afterChunks' in leaves ? leaves.afterChunks : Infinity
  const chunks: Buffer[] = []
  let head: { status: number, requestId: string } | undefined
  try {
    const { statusCode, headers, body } = await request(url + GATEWAY_PATHS[chat.surface], {
      dispatcher, method: 'POST', headers: headersOf(chat, key), body: JSON.stringify(bodyOf(chat)), signal: leaving.signal
    })
    head = { status: statusCode, requestId: String(headers['x-request-id']) }
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (chunks.push(chunk) >= chunksMax) leaving.abort()
    }
  } catch {
    const how = head?.status === 503 ? 'unavailable' : leaving.signal.aborted ? 'left' : 'lost'
    return { how, status: head?.status, requestId: head?.requestId, used: undefined, receivedTokens: tokensIn(chat, Buffer.concat(chunks).toString()) }
  } finally {
    clearTimeout(timer)
  }
  const text = Buffer.concat(chunks).toString()
  const isStream = chat.isStream && head.status === 200
  return { how: howFor(head.status, text), ...head, used: usedIn(text, isStream), receivedTokens: isStream ? tokensIn(chat, text) : 0 }
}

function howFor (status: number, text: string): Told['how'] {
  if (status === 200) return tellsOfError(text) ? 'broken' : 'answered'
  // An upstream's own 503 is a failure of the upstream, which is 502 for the client.
  if (status === 503) return 'unavailable'
  return text.includes('"limit":{') ? 'refused' : 'failed'
}

interface WireChoice { readonly delta?: { readonly content?: string | null }, readonly message?: { readonly content?: string | null } }
interface WireEvent { readonly choices?: readonly WireChoice[], readonly output?: { readonly choices?: readonly WireChoice[] } }

/** Of the text of a stream, as far as it came. */
function tokensIn ({ isStream }: Chat, text: string): number {
  if (!isStream) return 0
  const pieces = eventsOf(text).map(({ data }) => pieceIn(objectIn(data ?? '')))
  return countText(pieces.join(''))
}

function pieceIn ({ choices, output }: WireEvent): string {
  const [choice] = choices ?? output?.choices ?? []
  return choice?.delta?.content ?? choice?.message?.content ?? ''
}
