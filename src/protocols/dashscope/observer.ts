import { GatewayError } from '../../core/errors.ts'
import { objectAt, parseJsonObject, stringAt } from '../../core/json.ts'
import type { AnswerFacts, FinishReason } from '../../core/event.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Dialect, Observer, ObserverWanted, Verdict } from '../../core/protocol.ts'
import type { SseEvent } from '../../core/sse-event.ts'
import type { Transcript } from '../../core/transcript.ts'
import { errorOfText, isErrorFrame } from '../../core/upstream-fault.ts'
import type { Usage } from '../../core/usage.ts'
import { choiceIndex, choicesOf, contentText } from './answer-reader.ts'
import { faultIn } from './fault.ts'
import { finishReasonFrom } from './finish-reason.ts'
import { usageFrom } from './usage.ts'
import { writtenIn } from './written.ts'

/**
 * Watches frames as bytes. Keys are found with their quotes, which inside any JSON text are escaped, so nothing a model or
 * a user writes can look like one. Every frame carries usage, so none is ever asked for or withheld.
 */
export function createObserver ({ cumulative }: Pick<ObserverWanted, 'cumulative'>): Observer {
  return new FrameObserver(cumulative)
}

/** Watches a whole answer. @throws GatewayError where it is an error or no answer at all */
export function observeResponse (body: Buffer): ReturnType<Dialect['observeResponse']> {
  const document = parseJsonObject(body)
  if (document === undefined) throw new GatewayError('upstream_protocol', 'The upstream answered with something that is not JSON.')
  const fault = faultIn(document)
  if (fault !== undefined) throw fault
  const written = (): ReturnType<typeof writtenIn> => writtenIn([document], { isWhole: true })
  return {
    usage: () => usageFrom(objectAt(document, 'usage')),
    transcripts: () => written().all(),
    get hasThoughts () { return written().hasThoughts },
    outputBytes: () => body.length,
    told () {
      const reasons = choicesOf(objectAt(document, 'output')).map((choice) => finishReasonFrom(choice['finish_reason']))
      return { id: stringAt(document, 'request_id'), model: undefined, finishReasons: reasons.filter((reason) => reason !== undefined) }
    }
  }
}

const RELAY: Verdict = { action: 'relay' }
const DATA = Buffer.from('data:')
const OUTPUT = Buffer.from('"output"')
const FINISH_REASON = Buffer.from('"finish_reason":')
const INDEX = Buffer.from('"index":')
const INPUT_TOKENS = Buffer.from('"input_tokens":')
const OUTPUT_TOKENS = Buffer.from('"output_tokens":')
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const CLOSE_BRACE = 0x7d
const REASONING = Buffer.from('"reasoning_content":')
const SOME_TEXT = /^"[^"]/
/** Keys of generated content, by what their value begins with where there is some. Parts of a content list have texts. */
const CONTENT: readonly (readonly [Buffer, RegExp])[] = [
  [Buffer.from('"content":'), SOME_TEXT],
  [Buffer.from('"text":'), SOME_TEXT],
  [REASONING, SOME_TEXT],
  [Buffer.from('"tool_calls":'), /^\[\s*\{/]
]

/** Of frames whose text may have to be counted because no usage has come with them. */
const KEPT_BYTES_MAX = 1_048_576

const SUSPICIOUS_HEAD = /^event: ?error|HTTP_STATUS\/[45]|^status: ?[45]/m
const UNFINISHED = /^(?:null|"null"|"")/
/** A count that can be believed. What ends it may stand in the next line of data. */
const COUNT = /^\d{1,8}\s*(?:[,}]|data:)/
const COUNT_ABOVE_ZERO = /^[1-9]\d{0,7}\s*(?:[,}]|data:)/

class FrameObserver implements Observer {
  contentSeen = false
  hasThoughts = false
  /** By choice: whether its end was seen. */
  readonly #endedByChoice = new Map<number, boolean>()
  #last: SseEvent | undefined
  #kept: SseEvent[] = []
  #keptBytes = 0
  #seenBytes = 0
  #id: string | undefined
  readonly #finishReasons: FinishReason[] = []
  readonly #isCumulative: boolean

  constructor (isCumulative: boolean) {
    this.#isCumulative = isCumulative
  }

  get complete (): boolean {
    for (const ended of this.#endedByChoice.values()) if (!ended) return false
    return this.#endedByChoice.size > 0
  }

  observe (event: SseEvent): Verdict {
    const { raw } = event
    const dataStart = raw.indexOf(DATA)
    if (dataStart < 0) return RELAY
    if (SUSPICIOUS_HEAD.test(raw.toString('latin1', 0, dataStart)) && isErrorFrame(event)) {
      return { action: 'fail', error: errorOfText(event.data ?? '', event.status) }
    }
    if (raw.indexOf(OUTPUT, dataStart) < 0) return verdictOfOther(event)
    const isPlain = endsObject(raw, dataStart) && !hasFinished(raw, dataStart) && !namesLaterIndex(raw, dataStart)
    if (!isPlain) {
      const verdict = this.#read(event.data ?? '')
      if (verdict.action === 'fail') return verdict
    } else if (!this.#endedByChoice.has(0)) this.#endedByChoice.set(0, false)
    this.contentSeen ||= hasContent(raw, dataStart)
    this.hasThoughts ||= anyValue({ raw, from: dataStart, key: REASONING }, (value) => SOME_TEXT.test(value))
    this.#keep(event, dataStart)
    return RELAY
  }

  usage (): Usage | undefined {
    const data = this.#last === undefined ? undefined : documentOf(this.#last)
    return usageFrom(objectAt(data, 'usage'))
  }

  told (): AnswerFacts {
    return { id: this.#id, model: undefined, finishReasons: Object.values(this.#finishReasons) }
  }

  outputBytes (): number {
    return this.#seenBytes
  }

  transcripts (): readonly Transcript[] {
    return writtenIn(this.#documents(), { isWhole: this.complete }).all()
  }

  repeatedText (): string {
    if (!this.#isCumulative) return ''
    return this.#documents().flatMap((document) => choicesOf(objectAt(document, 'output')))
      .map((choice) => contentText(objectAt(choice, 'message')?.['content'])).join('')
  }

  #documents (): JsonObject[] {
    const frames = this.#isCumulative ? this.#kept.slice(-1) : this.#kept
    return frames.map((frame) => documentOf(frame) ?? {})
  }

  /** Only a frame that ends a choice, or may be another choice's than the first, has to be understood. */
  #read (data: string): Verdict {
    const document = parseJsonObject(data)
    if (document === undefined) return notJson()
    this.#id ??= stringAt(document, 'request_id')
    try {
      for (const [position, choice] of choicesOf(objectAt(document, 'output')).entries()) {
        const index = choiceIndex(choice, position)
        const reason = finishReasonFrom(choice['finish_reason'])
        if (reason !== undefined) this.#finishReasons[index] = reason
        this.#endedByChoice.set(index, reason !== undefined || this.#endedByChoice.get(index) === true)
      }
      return RELAY
    } catch (caught) {
      return { action: 'fail', error: GatewayError.from(caught) }
    }
  }

  /** Running usage that counts output makes the text before it needless; frames are kept only as long as there is none. */
  #keep (frame: SseEvent, dataStart: number): void {
    const { raw } = frame
    this.#seenBytes += raw.length
    if (countsTokens(raw, dataStart, this.complete ? COUNT : COUNT_ABOVE_ZERO)) {
      this.#last = frame
      this.#kept = [frame]
      this.#keptBytes = raw.length
    } else if (this.#keptBytes + raw.length <= KEPT_BYTES_MAX) {
      this.#kept.push(frame)
      this.#keptBytes += raw.length
    }
  }
}

/** A frame without output: a fault in the guise of an answer, a marker this protocol has not, or something to let pass. */
function verdictOfOther (event: SseEvent): Verdict {
  const data = event.data ?? ''
  // Some SDKs take any data for JSON, even none.
  if (data === '[DONE]' || event.data === '') return { action: 'withhold' }
  if (data === '') return RELAY
  const document = parseJsonObject(data)
  if (document === undefined) return notJson()
  const error = faultIn(document)
  return error === undefined ? RELAY : { action: 'fail', error }
}

function notJson (): Verdict {
  return { action: 'fail', error: new GatewayError('upstream_protocol', 'The upstream sent a frame that is not JSON.') }
}

/** Whether the first data line is ended, and as an object is: one that breaks off hardly ever does so behind a brace. */
function endsObject (raw: Buffer, dataStart: number): boolean {
  const lineFeed = raw.indexOf(LINE_FEED, dataStart)
  const end = raw[lineFeed - 1] === CARRIAGE_RETURN ? lineFeed - 1 : lineFeed
  return raw[end - 1] === CLOSE_BRACE
}

function hasContent (raw: Buffer, from: number): boolean {
  return CONTENT.some(([key, some]) => anyValue({ raw, from, key }, (value) => some.test(value)))
}

function hasFinished (raw: Buffer, from: number): boolean {
  return anyValue({ raw, from, key: FINISH_REASON }, (value) => !UNFINISHED.test(value))
}

/** Also true where it is a tool call's index and not a choice's. */
function namesLaterIndex (raw: Buffer, from: number): boolean {
  return anyValue({ raw, from, key: INDEX }, (value) => value[0] !== '0')
}

function countsTokens (raw: Buffer, from: number, output: RegExp): boolean {
  return anyValue({ raw, from, key: INPUT_TOKENS }, (value) => COUNT.test(value)) &&
    anyValue({ raw, from, key: OUTPUT_TOKENS }, (value) => output.test(value))
}

interface Place { readonly raw: Buffer, readonly from: number, readonly key: Buffer }

/** Enough of a value to see what it is. */
const GLANCE_BYTES = 16

function anyValue ({ raw, from, key }: Place, matches: (value: string) => boolean): boolean {
  for (let at = raw.indexOf(key, from); at >= 0; at = raw.indexOf(key, at + key.length)) {
    const start = at + key.length
    if (matches(raw.toString('latin1', start, start + GLANCE_BYTES).trimStart())) return true
  }
  return false
}

function documentOf ({ data }: SseEvent): JsonObject | undefined {
  return parseJsonObject(data ?? '')
}
