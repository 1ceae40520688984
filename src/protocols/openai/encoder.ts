import type { ChatEvent } from '../../core/event.ts'
import type { Encoder, ReplyIdentity } from '../../core/protocol.ts'
import type { Usage } from '../../core/usage.ts'
import { errorJson } from './error.ts'
import { renderUsage } from './usage.ts'
import { DONE, WIRE_REASONS } from './wire.ts'

const KEEP_ALIVE = Buffer.from(': keep-alive\n\n')
const OPENING_DELTA = '{"role":"assistant","content":""}'

/**
 * Events as `chat.completion.chunk`s. Frames are put together as text, for a stream has one per token: only what the model
 * wrote is escaped anew each time. With usage wanted every chunk says `"usage":null` until the one after all choices.
 */
export function createEncoder (reply: ReplyIdentity, wanted: { readonly usage: boolean }): Encoder {
  return new ChunkEncoder(reply, wanted.usage)
}

class ChunkEncoder implements Encoder {
  readonly #reply: ReplyIdentity
  readonly #wantsUsage: boolean
  /** The members every chunk ends with. */
  readonly #tail: string
  readonly #opened = new Set<number>()
  #usage: Usage | undefined
  /** Members that travel in the next chunk. */
  #extensions = ''
  #ended = false

  constructor (reply: ReplyIdentity, wantsUsage: boolean) {
    this.#reply = reply
    this.#wantsUsage = wantsUsage
    this.#tail = `"object":"chat.completion.chunk","created":${reply.createdSeconds},"system_fingerprint":null,` +
      `"model":${JSON.stringify(reply.model)},"id":${JSON.stringify(completionId(reply))}`
  }

  encode (event: ChatEvent): Buffer | undefined {
    const text = this.#ended ? undefined : this.#textOf(event)
    return text === undefined ? undefined : Buffer.from(text)
  }

  keepAlive (): Buffer {
    return KEEP_ALIVE
  }

  #textOf (event: ChatEvent): string | undefined {
    switch (event.type) {
      case 'response-start': return undefined
      case 'text-delta': return this.#delta(event.choice, `{"content":${JSON.stringify(event.text)}}`)
      case 'reasoning-delta': return this.#delta(event.choice, `{"reasoning_content":${JSON.stringify(event.text)}}`)
      case 'tool-call-start':
        return this.#call(event, `"id":${JSON.stringify(event.id)},"type":"function","function":{"name":${JSON.stringify(event.name)},"arguments":""}`)
      case 'tool-call-delta': return this.#call(event, `"function":{"arguments":${JSON.stringify(event.arguments)}}`)
      case 'logprobs': return this.#delta(event.choice, '{}', { logprobs: JSON.stringify(event.value) })
      case 'choice-end': return this.#delta(event.choice, '{}', { finishReason: `"${WIRE_REASONS[event.reason]}"` })
      case 'extension':
        this.#extensions += `,${JSON.stringify(event.name)}:${JSON.stringify(event.value)}`
        return undefined
      case 'usage':
        this.#usage = event.usage
        return undefined
      case 'response-end': return this.#end()
      case 'response-error':
        this.#ended = true
        return `data: ${errorJson(event.error, this.#reply.requestId)}\n\n`
    }
  }

  #call (place: { readonly choice: number, readonly index: number }, members: string): string {
    return this.#delta(place.choice, `{"tool_calls":[{"index":${place.index},${members}}]}`)
  }

  #delta (choice: number, delta: string, { finishReason = 'null', logprobs = 'null' } = {}): string {
    const opening = this.#opened.has(choice) ? '' : this.#open(choice)
    return opening + this.#chunk(`{"delta":${delta},"finish_reason":${finishReason},"index":${choice},"logprobs":${logprobs}}`)
  }

  #open (choice: number): string {
    this.#opened.add(choice)
    return this.#delta(choice, OPENING_DELTA)
  }

  #chunk (choices: string): string {
    const extensions = this.#extensions
    this.#extensions = ''
    return `data: {"choices":[${choices}],${this.#wantsUsage ? '"usage":null,' : ''}${this.#tail}${extensions}}\n\n`
  }

  #end (): string {
    this.#ended = true
    const rest = this.#extensions === '' ? '' : this.#chunk('')
    const usage = this.#usage === undefined || !this.#wantsUsage
      ? ''
      : `data: {"choices":[],"usage":${JSON.stringify(renderUsage(this.#usage))},${this.#tail}}\n\n`
    return `${rest}${usage}data: ${DONE}\n\n`
  }
}

/** DashScope's compatible mode puts its request id behind the same prefix. */
export function completionId (reply: ReplyIdentity): string {
  return `chatcmpl-${reply.requestId}`
}
