import type { GatewayError } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import type { JsonValue } from '../../core/json.ts'
import type { Encoder, ReplyIdentity } from '../../core/protocol.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { outputOf, shapeWithCalls } from './answer.ts'
import type { AnswerShape, Piece } from './answer.ts'
import { errorDocument } from './error.ts'
import { finishReasonTo } from './finish-reason.ts'
import { errorFrame, KEEP_ALIVE, resultFrame } from './frame.ts'
import { createCumulativePieces, createIncrementalPieces } from './pieces.ts'
import type { PieceMaker } from './pieces.ts'
import { usageTo } from './usage.ts'

/** Writes the frames of a stream. Every frame carries usage: what is known of it so far, and in the last one all of it. */
export function createEncoder (shape: AnswerShape, reply: ReplyIdentity): Encoder {
  return new FrameEncoder(shape, reply)
}

class FrameEncoder implements Encoder {
  #shape: AnswerShape
  readonly #reply: ReplyIdentity
  readonly #pieces: PieceMaker
  /**
   * Last frames of ended choices, held back until usage comes or the answer ends: other protocols send their usage after
   * the finish reason, this one in the same frame.
   */
  #held: Piece[] = []
  #usage: Usage = NO_USAGE
  #extensions: Record<string, JsonValue> = {}
  #framesSent = 0

  constructor (shape: AnswerShape, reply: ReplyIdentity) {
    this.#shape = shape
    this.#reply = reply
    this.#pieces = shape.incremental ? createIncrementalPieces() : createCumulativePieces()
  }

  encode (event: ChatEvent): Buffer | undefined {
    switch (event.type) {
      case 'response-start': return undefined
      case 'tool-call-start':
        this.#shape = shapeWithCalls(this.#shape)
        return this.#frames(this.#pieces.piecesOf(event))
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta': return this.#frames(this.#pieces.piecesOf(event))
      case 'logprobs': return this.#frames([{ ...this.#pieces.current(event.choice), logprobs: event.value }])
      case 'choice-end':
        this.#held.push({ ...this.#pieces.current(event.choice), finishReason: finishReasonTo(event.reason) })
        return undefined
      case 'extension':
        this.#extensions[event.name] = event.value
        return undefined
      case 'usage':
        this.#usage = event.usage
        return this.#release()
      case 'response-end': return this.#release()
      case 'response-error': return this.#error(event.error)
    }
  }

  keepAlive (): Buffer {
    return Buffer.from(KEEP_ALIVE)
  }

  #release (): Buffer | undefined {
    const held = this.#held
    this.#held = []
    return this.#frames(held)
  }

  #frames (pieces: readonly Piece[]): Buffer | undefined {
    let frames = ''
    for (const piece of pieces) frames += this.#frame(piece)
    return frames === '' ? undefined : Buffer.from(frames)
  }

  #frame (piece: Piece): string {
    // A client that asks for several candidates and for text has asked for more than text format can hold.
    if (this.#shape.format === 'text' && piece.choice > 0) return ''
    const output = { ...this.#extensions, ...outputOf([piece], this.#shape) }
    if (this.#shape.incremental) this.#extensions = {}
    this.#framesSent++
    return resultFrame(this.#framesSent, { output, usage: usageTo(this.#usage), request_id: this.#reply.requestId })
  }

  /** What is held back stays back: a finish reason before an error would make the answer look whole. */
  #error (error: GatewayError): Buffer {
    this.#framesSent++
    return Buffer.from(errorFrame(this.#framesSent, error.status, errorDocument(error, this.#reply.requestId)))
  }
}
