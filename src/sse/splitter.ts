import { GatewayError } from '../core/errors.ts'

const CR = 0x0d
const LF = 0x0a

/**
 * Cuts a byte stream into events at their blank lines, wherever the network cut it. Line ends may be LF, CRLF or CR, mixed.
 * Every event is a slice of the input, or one joined copy where it came in several pieces, so that all events in order
 * are the input, byte for byte.
 */
export class Splitter {
  readonly #eventBytesMax: number
  /** Bytes of the unfinished event, kept apart and joined once: joining at every push would be quadratic. */
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** The line so far holds nothing: the next line end completes the event. */
  #lineIsEmpty = true
  /** The last byte was a CR; an LF that follows belongs to the same line end. */
  #afterCr = false
  /** The blank line ended on a CR at a chunk's edge: the event waits to see whether an LF belongs to it. */
  #completeAfterCr = false

  /** @param eventBytesMax the longest event taken; beyond it `push` throws GatewayError `upstream_protocol` */
  constructor (eventBytesMax: number) {
    this.#eventBytesMax = eventBytesMax
  }

  /** Calls `onEvent` with the bytes of each event that is now complete, blank line included. */
  push (chunk: Buffer, onEvent: (raw: Buffer) => void): void {
    let start = this.#completeAfterCr ? this.#finishAfterCr(chunk, onEvent) : 0
    let position = start
    while (position < chunk.length) {
      const byte = chunk[position] as number
      if (byte !== LF && byte !== CR) {
        this.#lineIsEmpty = false
        this.#afterCr = false
        position = nextLineEnd(chunk, position + 1)
        continue
      }
      position++
      if (!this.#endsBlankLine(byte)) continue
      if (byte === CR && position === chunk.length) {
        this.#completeAfterCr = true
        break
      }
      if (byte === CR && chunk[position] === LF) position++
      this.#afterCr = false
      onEvent(this.#take(chunk.subarray(start, position)))
      start = position
    }
    this.#keep(chunk.subarray(start))
  }

  /** What came after the last blank line; the stream has ended inside an event unless this is empty. */
  rest (): Buffer {
    return Buffer.concat(this.#pending)
  }

  #finishAfterCr (chunk: Buffer, onEvent: (raw: Buffer) => void): number {
    if (chunk.length === 0) return 0
    const end = chunk[0] === LF ? 1 : 0
    this.#completeAfterCr = false
    this.#afterCr = false
    onEvent(this.#take(chunk.subarray(0, end)))
    return end
  }

  #endsBlankLine (byte: number): boolean {
    const isSecondHalf = byte === LF && this.#afterCr
    this.#afterCr = byte === CR
    if (isSecondHalf) return false
    const wasEmpty = this.#lineIsEmpty
    this.#lineIsEmpty = true
    return wasEmpty
  }

  #take (slice: Buffer): Buffer {
    if (this.#pending.length === 0) return slice
    const joined = Buffer.concat([...this.#pending, slice])
    this.#pending = []
    this.#pendingBytes = 0
    return joined
  }

  #keep (slice: Buffer): void {
    if (slice.length === 0) return
    this.#pendingBytes += slice.length
    if (this.#pendingBytes > this.#eventBytesMax) {
      throw new GatewayError('upstream_protocol', `The upstream sent an event longer than ${this.#eventBytesMax} bytes.`)
    }
    this.#pending.push(slice)
  }
}

/** The offset of the first LF or CR from `from` on, or the length. `indexOf` runs natively, many times a byte loop's speed. */
function nextLineEnd (chunk: Buffer, from: number): number {
  const lf = chunk.indexOf(LF, from)
  const end = lf < 0 ? chunk.length : lf
  const cr = from < end ? chunk.subarray(from, end).indexOf(CR) : -1
  return cr < 0 ? end : from + cr
}
