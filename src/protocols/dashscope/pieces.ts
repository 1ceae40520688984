import { addEvent, createCollected } from '../../core/collect.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ChatEvent } from '../../core/event.ts'
import { wholeCalls } from './answer.ts'
import type { Piece } from './answer.ts'
import type { WireToolCall } from './wire.ts'

export type ContentEvent = Extract<ChatEvent, { type: 'text-delta' | 'reasoning-delta' | 'tool-call-start' | 'tool-call-delta' }>

/** Decides what each frame says of a choice: the new piece, or all of it so far. */
export interface PieceMaker {
  /** What to send for an event, one frame each. */
  piecesOf (event: ContentEvent): Piece[]
  /** What a frame says of a choice that has nothing new. */
  current (choice: number): Piece
}

/** Longest delta in one frame. Written out, no UTF-16 unit takes more than six bytes, so a line stays under 128 KiB. */
const DELTA_CHARACTERS_MAX = 16_384

export function createIncrementalPieces (): PieceMaker {
  /** Choices whose model thinks: their frames all have `reasoning_content`, if only an empty one. */
  const thinking = new Set<number>()
  const current = (choice: number): Piece => ({ choice, text: '', ...(thinking.has(choice) ? { reasoning: '' } : {}) })

  return {
    current,
    piecesOf (event) {
      if (event.type === 'reasoning-delta') thinking.add(event.choice)
      const base = current(event.choice)
      switch (event.type) {
        case 'text-delta': return deltasOf(event.text).map((text) => ({ ...base, text }))
        case 'reasoning-delta': return deltasOf(event.text).map((reasoning) => ({ ...base, reasoning }))
        case 'tool-call-start': return [{ ...base, calls: [openingOf(event)] }]
        case 'tool-call-delta': return deltasOf(event.arguments).map((text) => ({ ...base, calls: [continuationOf(event.index, text)] }))
      }
    }
  }
}

/** Far more than a model writes; it bounds what a stream may keep, of which every frame repeats all. */
const CUMULATIVE_CHARACTERS_MAX = 4_194_304

/**
 * The bytes sent grow with the square of the answer, and a frame may pass the 128 KiB the asynchronous Python SDK takes in
 * a line. That is the protocol's own default, and there is no way to cut such a frame.
 */
export function createCumulativePieces (): PieceMaker {
  const collected = createCollected()
  let characters = 0

  const current = (choice: number): Piece => {
    const soFar = collected.choices[choice]
    if (soFar === undefined) return { choice, text: '' }
    return { choice, text: soFar.text, ...(soFar.reasoning === '' ? {} : { reasoning: soFar.reasoning }), calls: wholeCalls(soFar.calls) }
  }

  return {
    current,
    piecesOf (event) {
      characters += sizeOf(event)
      if (characters > CUMULATIVE_CHARACTERS_MAX) {
        throw new GatewayError('upstream_protocol', `The answer is longer than ${CUMULATIVE_CHARACTERS_MAX} characters; ask for incremental output.`)
      }
      addEvent(collected, event)
      return sizeOf(event) === 0 ? [] : [current(event.choice)]
    }
  }
}

function openingOf (event: Extract<ContentEvent, { type: 'tool-call-start' }>): WireToolCall {
  return { id: event.id, index: event.index, type: 'function', function: { name: event.name, arguments: '' } }
}

function continuationOf (index: number, text: string): WireToolCall {
  return { id: '', index, type: 'function', function: { arguments: text } }
}

function sizeOf (event: ContentEvent): number {
  switch (event.type) {
    case 'text-delta': case 'reasoning-delta': return event.text.length
    case 'tool-call-start': return event.id.length + event.name.length
    case 'tool-call-delta': return event.arguments.length
  }
}

/** Cuts an oversized delta, never through a surrogate pair. */
function deltasOf (text: string): string[] {
  const deltas: string[] = []
  let start = 0
  while (text.length - start > DELTA_CHARACTERS_MAX) {
    const last = text.charCodeAt(start + DELTA_CHARACTERS_MAX - 1)
    const end = start + DELTA_CHARACTERS_MAX - (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
    deltas.push(text.slice(start, end))
    start = end
  }
  if (start < text.length) deltas.push(text.slice(start))
  return deltas
}
