import type { CollectedCall } from '../../core/collect.ts'
import type { JsonValue } from '../../core/json.ts'
import { UNFINISHED } from './finish-reason.ts'
import type { WireChoice, WireContent, WireOutput, WireToolCall } from './wire.ts'

/** How a client wants its answer written. */
export interface AnswerShape {
  readonly format: 'text' | 'message'
  /** The multimodal service writes content as parts. */
  readonly content: 'string' | 'parts'
  /** Of a stream: each frame has the new piece only, rather than all so far. */
  readonly incremental: boolean
  /** Candidates asked for. */
  readonly choices: number
}

/** What one choice says, in a frame or whole. */
export interface Piece {
  readonly choice: number
  readonly text: string
  /** Undefined where the model does not think; '' where it does and this piece has none. */
  readonly reasoning?: string | undefined
  readonly calls?: readonly WireToolCall[]
  readonly logprobs?: JsonValue | undefined
  /** As on the wire; absent while the choice goes on. */
  readonly finishReason?: string
}

/** Text format has no word for a tool call: an answer that has one anyway is written as a message. */
export function shapeWithCalls (shape: AnswerShape): AnswerShape {
  return { ...shape, format: 'message' }
}

/** In text format there is room for the first choice alone. */
export function outputOf (pieces: readonly Piece[], shape: AnswerShape): WireOutput {
  const [first] = pieces
  if (shape.format === 'text' && first !== undefined) {
    return {
      text: first.text,
      finish_reason: first.finishReason ?? UNFINISHED,
      ...(first.reasoning === undefined ? {} : { reasoning_content: first.reasoning })
    }
  }
  return { choices: pieces.map((piece) => choiceOf(piece, shape)) }
}

/** Key order as in the vendor's samples. */
function choiceOf (piece: Piece, shape: AnswerShape): WireChoice {
  const { calls = [], reasoning, logprobs } = piece
  return {
    finish_reason: piece.finishReason ?? UNFINISHED,
    message: {
      role: 'assistant',
      content: contentOf(piece.text, shape),
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls })
    },
    ...(shape.choices > 1 || calls.length > 0 ? { index: piece.choice } : {}),
    ...(logprobs === undefined ? {} : { logprobs })
  }
}

function contentOf (text: string, shape: AnswerShape): WireContent {
  if (shape.content === 'string') return text
  return text === '' ? [] : [{ text }]
}

/** A call as far as it is known, all keys present: clients merge by `index` and break on nulls. */
export function wholeCalls (calls: readonly CollectedCall[]): WireToolCall[] {
  return calls.map((call, index) => ({ id: call.id, index, type: 'function', function: { name: call.name, arguments: call.arguments } }))
}
