import { CHOICES_MAX } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import { arrayAt, isObject, numberAt, objectAt, parseJsonObject, stringAt } from '../../core/json.ts'
import type { AnswerFacts, FinishReason } from '../../core/event.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Observer, Verdict } from '../../core/protocol.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import { Transcripts } from '../../core/transcript.ts'
import type { Transcript } from '../../core/transcript.ts'
import type { Usage } from '../../core/usage.ts'
import { faultOf } from './fault.ts'
import { EscapedText, choiceIndexOf, eachText, isPlainDelta } from './glance.ts'
import { repairedChunk } from './repair.ts'
import { parseUsage } from './usage.ts'
import { writeMessage } from './written.ts'
import { DONE, finishReasonOf } from './wire.ts'

const RELAY: Verdict = { action: 'relay' }
const WITHHOLD: Verdict = { action: 'withhold' }
/** The start of a line that is neither data nor a comment: another field, or a byte order mark. */
const OTHER_LINE = /(?:^|[\r\n])(?!data:|[:\r\n]|$)/
/** Of all choices together: what is said beyond it is missing from an estimate and from nothing else. */
const WRITTEN_BYTES_MAX = 1_048_576
const IMPOSSIBLE_INDEX = 'The upstream sent an impossible index of a choice.'

export function createObserver (wanted: { readonly usage: boolean }): Observer {
  return new OpenAiObserver(wanted.usage)
}

/** Most chunks carry a few letters and are judged by their bytes; only those that may say more are parsed. */
class OpenAiObserver implements Observer {
  readonly #wantsUsage: boolean
  readonly #written = new Transcripts(() => new EscapedText())
  /** By choice: whether its end was seen. */
  readonly #endedByChoice = new Map<number, boolean>()
  #unended = 0
  /** Choices that have called tools. */
  readonly #calling = new Set<number>()
  #isWhole = false
  #usage: Usage | undefined
  #id: string | undefined
  #model: string | undefined
  readonly #finishReasons: FinishReason[] = []

  constructor (wantsUsage: boolean) {
    this.#wantsUsage = wantsUsage
  }

  get complete (): boolean {
    return this.#isWhole || (this.#endedByChoice.size > 0 && this.#unended === 0)
  }

  get contentSeen (): boolean {
    return this.#written.length > 0
  }

  usage (): Usage | undefined {
    return this.#usage
  }

  told (): AnswerFacts {
    return { id: this.#id, model: this.#model, finishReasons: Object.values(this.#finishReasons) }
  }

  get hasThoughts (): boolean {
    return this.#written.hasThoughts
  }

  transcripts (): readonly Transcript[] {
    return this.#written.all()
  }

  /** This protocol repeats nothing. */
  repeatedText (): string {
    return ''
  }

  outputBytes (): number {
    return this.#written.length
  }

  observe (event: SseEvent): Verdict {
    const { raw } = event
    const bytes = raw.toString('latin1')
    if (isPlainDelta(bytes)) return this.#glance(raw, bytes)
    const verdict = this.#judge(event)
    // OpenAI's SDKs take an event with any field for a chunk, and some remember an `id` for every event after it.
    return verdict === RELAY && OTHER_LINE.test(bytes) ? dataAlone(event) : verdict
  }

  #judge (event: SseEvent): Verdict {
    const text = event.data?.trim() ?? ''
    if (text === DONE) return this.#done()
    const chunk = text === '' ? {} : parseJsonObject(text)
    if (chunk === undefined) return failed('upstream_protocol', 'The upstream sent an event that is no JSON object.')
    const error = faultOf(chunk, event)
    if (error !== undefined) return { action: 'fail', error }
    if (text === '') return event.data === undefined ? RELAY : WITHHOLD
    return this.#read(chunk)
  }

  #glance (raw: Buffer, chunk: string): Verdict {
    const index = choiceIndexOf(chunk)
    if (!this.#begin(index)) return failed('upstream_protocol', IMPOSSIBLE_INDEX)
    if (this.#written.length < WRITTEN_BYTES_MAX) {
      eachText(chunk, ({ start, end, isThought }) => this.#written[isThought ? 'thoughts' : 'text'](index).append(raw, start, end))
    }
    return RELAY
  }

  #done (): Verdict {
    if (this.#endedByChoice.size === 0) return failed('upstream_failed', 'The upstream ended its stream without an answer.')
    this.#isWhole = true
    return RELAY
  }

  #read (chunk: JsonObject): Verdict {
    const choices = arrayAt(chunk, 'choices') ?? []
    for (const [position, choice] of choices.entries()) {
      if (isObject(choice) && !this.#readChoice(choice, numberAt(choice, 'index') ?? position)) return failed('upstream_protocol', IMPOSSIBLE_INDEX)
    }
    this.#id ??= stringAt(chunk, 'id')
    this.#model ??= stringAt(chunk, 'model')
    this.#usage = parseUsage(chunk['usage']) ?? this.#usage
    if (choices.length === 0 && isObject(chunk['usage'])) {
      this.#isWhole ||= this.#endedByChoice.size > 0
      return this.#wantsUsage ? RELAY : WITHHOLD
    }
    const repaired = repairedChunk(chunk, this.#calling)
    return repaired === undefined ? RELAY : { action: 'replace', bytes: Buffer.from(`data: ${JSON.stringify(repaired)}\n\n`) }
  }

  #readChoice (choice: JsonObject, index: number): boolean {
    if (!this.#begin(index)) return false
    const delta = objectAt(choice, 'delta')
    if (delta !== undefined && this.#written.length < WRITTEN_BYTES_MAX) writeMessage(this.#written, index, delta)
    if ((arrayAt(delta, 'tool_calls')?.length ?? 0) > 0) this.#calling.add(index)
    const finishReason = finishReasonOf(choice['finish_reason'])
    if (finishReason !== undefined && this.#endedByChoice.get(index) === false) {
      this.#finishReasons[index] = finishReason
      this.#endedByChoice.set(index, true)
      this.#written.end(index)
      this.#unended--
    }
    return true
  }

  /** @returns whether there can be such a choice */
  #begin (index: number): boolean {
    if (this.#endedByChoice.has(index)) return true
    if (!Number.isInteger(index) || index < 0 || index >= CHOICES_MAX) return false
    this.#endedByChoice.set(index, false)
    this.#unended++
    return true
  }
}

function dataAlone ({ data }: SseEvent): Verdict {
  return data === undefined ? WITHHOLD : { action: 'replace', bytes: Buffer.from(`data: ${data.replaceAll('\n', '\ndata: ')}\n\n`) }
}

function failed (kind: 'upstream_failed' | 'upstream_protocol', message: string): Verdict {
  return { action: 'fail', error: new GatewayError(kind, message) }
}
