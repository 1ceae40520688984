import { countText } from '../tokens/count.ts'
import type { Answer } from './answer.ts'

/** One choice of the finished answer. */
export interface Choice extends Answer {
  readonly index: number
  readonly finishReason: 'stop' | 'length' | 'tool_calls'
  readonly outputTokens: number
  /** Part of the output tokens. */
  readonly reasoningTokens: number
}

export interface Limits { readonly outputTokensMax: number, readonly stop: readonly string[] }

/** Cuts an answer where a stop or the token limit ends it, and counts what is left. */
export function choiceOf (index: number, answer: Answer, limits: Limits): Choice {
  const stopped = { ...answer, content: beforeStop(answer.content, limits.stop) }
  const fitted = fit(stopped, limits.outputTokensMax)
  const wasCut = fitted !== stopped
  return {
    index,
    ...fitted,
    finishReason: wasCut ? 'length' : answer.toolCalls.length > 0 ? 'tool_calls' : 'stop',
    outputTokens: countAnswer(fitted),
    reasoningTokens: countText(fitted.reasoning)
  }
}

/** The tokens the service bills: the text with the frame the model writes thoughts and calls in, without the closing one. */
export function countAnswer (answer: Answer): number {
  const framed = answer.reasoning !== '' || answer.toolCalls.length > 0
  return countText(transcriptOf(answer), { special: framed ? 'parsed' : 'text' })
}

function transcriptOf ({ reasoning, content, toolCalls }: Answer): string {
  const thoughts = reasoning === '' ? '' : `<think>\n${reasoning}` + (content === '' && toolCalls.length === 0 ? '' : '\n</think>\n\n')
  const calls = toolCalls.map(call => `<tool_call>\n{"name": "${call.name}", "arguments": ${call.arguments}}\n</tool_call>`)
  return thoughts + content + calls.join('\n')
}

function beforeStop (content: string, stops: readonly string[]): string {
  const ends = stops.map(stop => content.indexOf(stop)).filter(end => end >= 0)
  return ends.length === 0 ? content : content.slice(0, Math.min(...ends))
}

/** The answer itself if it fits, else its longest beginning that does: thoughts are cut last, for they come first. */
function fit (answer: Answer, tokensMax: number): Answer {
  if (countAnswer(answer) <= tokensMax) return answer
  const characters = Array.from(answer.reasoning + answer.content + answer.toolCalls.map(call => call.arguments).join(''))
  let fitting = 0
  let tooLong = characters.length
  while (tooLong - fitting > 1) {
    const middle = (fitting + tooLong) >> 1
    if (countAnswer(beginningOf(answer, middle)) <= tokensMax) fitting = middle
    else tooLong = middle
  }
  return beginningOf(answer, fitting)
}

/** The first so many characters of an answer, in the order they are written. */
function beginningOf (answer: Answer, charactersMax: number): Answer {
  let left = charactersMax
  const take = (text: string): string => {
    const taken = Array.from(text).slice(0, left)
    left -= taken.length
    return taken.join('')
  }
  const reasoning = take(answer.reasoning)
  const content = take(answer.content)
  const toolCalls = []
  for (const call of answer.toolCalls) {
    if (left > 0) toolCalls.push({ name: call.name, arguments: take(call.arguments) })
  }
  return { reasoning, content, toolCalls }
}
