import { countText } from './count.ts'
import type { CountOptions } from './count.ts'
import { spacedJson } from './spaced-json.ts'

/** One message of a chat as the model reads it: text alone, without images, audio or video. */
export interface PromptMessage {
  readonly role: string
  readonly content: string
  readonly toolCalls?: readonly { readonly name: string, readonly arguments: string }[]
  /** On the last message: an answer for the model to go on with. Its turn stays open and no new one begins. */
  readonly partial?: boolean
}

export interface Prompt {
  readonly messages: readonly PromptMessage[]
  /** Tool definitions as they stand in the request, `{"type": "function", …}` included. */
  readonly tools?: readonly unknown[]
}

/**
 * What to reserve on top of the count when a prompt has tools. The service frames them in ways it does not publish:
 * recorded calls were 26 to 83 tokens above the public template.
 */
export const TOOLS_MARGIN_TOKENS = 128

const TOOLS_INTRODUCTION = '# Tools\n\nYou may call one or more functions to assist with the user query.\n\n' +
  'You are provided with function signatures within <tools></tools> XML tags:\n<tools>'
const TOOLS_INSTRUCTION = '\n</tools>\n\nFor each function call, return a json object with function name and arguments within '

/**
 * The prompt tokens the service reports for a chat with the models that `countText` counts for: the public Qwen3
 * template, with no system message but the one sent. With tools it is an estimate; see TOOLS_MARGIN_TOKENS.
 */
export function countPrompt (prompt: Prompt, options: CountOptions = {}): number {
  return countTexts(promptTexts(prompt), options)
}

/**
 * The prompt as the model reads it, cut at each special token of the template, which is left out: n texts stand for
 * n - 1 special tokens. Role and content share a text because they are tokenised together: a line break at the start of
 * the content merges with the one in front of it. Throws a RangeError for tools nested some thousand levels deep.
 */
export function promptTexts ({ messages, tools = [] }: Prompt): string[] {
  const texts = createTexts()
  const system = messages[0]?.role === 'system' ? messages[0] : undefined
  if (tools.length > 0) writeTools(texts, tools, system)
  const first = tools.length > 0 && system !== undefined ? 1 : 0
  for (let index = first; index < messages.length; index++) {
    if (messages[index]!.role === 'tool') writeToolResult(texts, messages, index)
    else writeMessage(texts, messages[index]!)
  }
  if (messages.at(-1)?.partial !== true) texts.special().write('assistant\n')
  return texts.finish()
}

/** Counts what `promptTexts` made. */
export function countTexts (texts: readonly string[], options: CountOptions = {}): number {
  const { tokensMax = Infinity } = options
  let tokens = texts.length - 1
  for (const text of texts) {
    if (tokens > tokensMax) break
    tokens += countText(text, { ...options, tokensMax: tokensMax - tokens })
  }
  return tokens
}

interface Texts {
  readonly write: (text: string) => Texts
  /** A place where the template itself puts one special token. What users write never becomes one of these. */
  readonly special: () => Texts
  readonly finish: () => string[]
}

function createTexts (): Texts {
  const finished: string[] = []
  let open = ''
  const texts: Texts = {
    write (text) {
      open += text
      return texts
    },
    special () {
      finished.push(open)
      open = ''
      return texts
    },
    finish () {
      finished.push(open)
      return finished
    }
  }
  return texts
}

function writeTools (texts: Texts, tools: readonly unknown[], system: PromptMessage | undefined): void {
  texts.special().write('system\n')
  if (system !== undefined) texts.write(system.content + '\n\n')
  texts.write(TOOLS_INTRODUCTION)
  for (const tool of tools) texts.write('\n' + spacedJson(tool))
  texts.write(TOOLS_INSTRUCTION).special().special().write(' XML tags:\n')
  texts.special().write('\n{"name": <function-name>, "arguments": <args-json-object>}\n').special()
  texts.special().write('\n')
}

function writeMessage (texts: Texts, { role, content, toolCalls, partial }: PromptMessage): void {
  texts.special().write(role)
  if (content !== '' || !toolCalls?.length) texts.write('\n').write(content)
  for (const call of toolCalls ?? []) {
    texts.write('\n').special().write(`\n{"name": "${call.name}", "arguments": ${call.arguments}}\n`).special()
  }
  if (partial !== true) texts.special().write('\n')
}

/** Neighbouring tool results share one turn, which is the user's. */
function writeToolResult (texts: Texts, messages: readonly PromptMessage[], index: number): void {
  if (messages[index - 1]?.role !== 'tool') texts.special().write('user')
  texts.write('\n').special().write(`\n${messages[index]!.content}\n`).special()
  if (messages[index + 1]?.role !== 'tool') texts.special().write('\n')
}
