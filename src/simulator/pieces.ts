import { countText } from '../tokens/count.ts'
import type { Choice } from './completion.ts'
import type { Pace } from './pace.ts'

/** One step of a stream: what one choice says next. */
export interface Piece {
  readonly choice: number
  readonly reasoning: string
  readonly content: string
  readonly toolCall: ToolPiece | undefined
  readonly finishReason: Choice['finishReason'] | undefined
  /** What this choice has written up to and with this piece. */
  readonly outputTokens: number
  readonly reasoningTokens: number
}

export interface ToolPiece {
  readonly index: number
  /** On the piece that opens a call. */
  readonly name: string | undefined
  readonly arguments: string
}

/** The pieces of all choices, by turns, as a batch of them is computed. The last piece of each holds its finish reason alone. */
export function piecesOf (choices: readonly Choice[], pace: Pace): readonly Piece[] {
  const lanes = choices.map(choice => piecesOfOne(choice, pace))
  const longest = Math.max(...lanes.map(lane => lane.length))
  const pieces: Piece[] = []
  for (let turn = 0; turn < longest; turn++) {
    for (const lane of lanes) {
      const piece = lane[turn]
      if (piece !== undefined) pieces.push(piece)
    }
  }
  return pieces
}

function piecesOfOne (choice: Choice, pace: Pace): readonly Piece[] {
  const blank = { choice: choice.index, reasoning: '', content: '', toolCall: undefined, finishReason: undefined }
  const bare: Omit<Piece, 'outputTokens' | 'reasoningTokens'>[] = []
  for (const reasoning of cut(choice.reasoning, pace)) bare.push({ ...blank, reasoning })
  for (const content of cut(choice.content, pace)) bare.push({ ...blank, content })
  choice.toolCalls.forEach((call, index) => {
    bare.push({ ...blank, toolCall: { index, name: call.name, arguments: '' } })
    for (const fragment of cut(call.arguments, pace)) {
      bare.push({ ...blank, toolCall: { index, name: undefined, arguments: fragment } })
    }
  })
  bare.push({ ...blank, finishReason: choice.finishReason })
  return withCounts(bare, choice)
}

/** Cuts between characters, never inside one: fewest and most characters by turns and all between. */
function cut (text: string, { charactersPerChunkMin: least, charactersPerChunkMax: most }: Pace): readonly string[] {
  const characters = Array.from(text)
  const cuts: string[] = []
  for (let start = 0; start < characters.length;) {
    const length = least + cuts.length % (most - least + 1)
    cuts.push(characters.slice(start, start + length).join(''))
    start += length
  }
  return cuts
}

/** A letter with a space or a Chinese punctuation mark behind it: no token reaches across. */
const TOKEN_BOUNDARY = /\p{L}(?=[\s，。、；：！？])/gu

/** Counts each beginning of the answer. What lies before a token boundary is counted once and not again with every piece. */
function withCounts (bare: readonly Omit<Piece, 'outputTokens' | 'reasoningTokens'>[], choice: Choice): readonly Piece[] {
  const all = runningCount()
  const thoughts = runningCount()
  let opened = ''
  let outputTokens = 0
  let reasoningTokens = 0
  return bare.map(piece => {
    const part = piece.reasoning !== '' ? 'thoughts' : piece.content !== '' ? 'content' : opened
    const opening = part === opened ? '' : part === 'thoughts' ? '<think>\n' : opened === 'thoughts' ? '\n</think>\n\n' : ''
    opened = part
    // Half a word can take more tokens than the whole one; what was reported is never taken back.
    outputTokens = Math.min(choice.outputTokens, Math.max(outputTokens, all(opening + textOf(piece))))
    reasoningTokens = Math.min(choice.reasoningTokens, Math.max(reasoningTokens, thoughts(piece.reasoning)))
    return piece.finishReason === undefined
      ? { ...piece, outputTokens, reasoningTokens }
      : { ...piece, outputTokens: choice.outputTokens, reasoningTokens: choice.reasoningTokens }
  })
}

function textOf ({ reasoning, content, toolCall }: Pick<Piece, 'reasoning' | 'content' | 'toolCall'>): string {
  if (toolCall === undefined) return reasoning + content
  if (toolCall.name === undefined) return toolCall.arguments
  const before = toolCall.index > 0 ? '}\n</tool_call>\n' : ''
  return `${before}<tool_call>\n{"name": "${toolCall.name}", "arguments": `
}

function runningCount (): (text: string) => number {
  let settledTokens = 0
  let tail = ''
  return text => {
    tail += text
    const boundary = Array.from(tail.matchAll(TOKEN_BOUNDARY)).at(-1)
    if (boundary !== undefined) {
      const end = boundary.index + boundary[0].length
      settledTokens += countText(tail.slice(0, end), { special: 'parsed' })
      tail = tail.slice(end)
    }
    return settledTokens + countText(tail, { special: 'parsed' })
  }
}
