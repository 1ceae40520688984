import type { Call } from './call.ts'
import scripted from './answers.json' with { type: 'json' }
import { toolCallsFor } from './tool-answer.ts'
import type { WrittenCall } from './tool-answer.ts'

/** What the model says before limits and stops cut it. */
export interface Answer {
  readonly reasoning: string
  readonly content: string
  readonly toolCalls: readonly WrittenCall[]
}

interface ScriptedAnswer {
  readonly prompt: string
  readonly dialect?: string
  readonly withSystem?: boolean
  readonly thinking?: boolean
  readonly reasoning?: string
  readonly content: string
}

const SCRIPT: readonly ScriptedAnswer[] = scripted.answers
const QUOTE_CHARACTERS_MAX = 400

/** The same answer to the same call, always; `choice` and the seed vary the wording. */
export function answerTo (call: Call, choice: number): Answer {
  const last = call.messages.at(-1)
  const toolCalls = toolCallsFor(call)
  if (toolCalls.length > 0) return { reasoning: reasoningOn(call), content: '', toolCalls }
  if (last?.role === 'tool') return { reasoning: reasoningOn(call), content: readingOf(call), toolCalls }
  const known = SCRIPT.find(line => fits(line, call))
  if (known !== undefined) return { reasoning: call.thinking ? known.reasoning ?? reasoningOn(call) : '', content: known.content, toolCalls }
  return { reasoning: reasoningOn(call), content: echoOf(call, choice), toolCalls }
}

function fits (line: ScriptedAnswer, call: Call): boolean {
  return line.prompt === questionOf(call) &&
    (line.dialect === undefined || line.dialect === call.dialect) &&
    (line.thinking === undefined || line.thinking === call.thinking) &&
    (line.withSystem === undefined || line.withSystem === call.messages.some(message => message.role === 'system'))
}

function questionOf (call: Call): string {
  return call.messages.findLast(message => message.role === 'user')?.content ?? ''
}

function reasoningOn (call: Call): string {
  if (!call.thinking) return ''
  return `用户说的是“${quoted(questionOf(call))}”。\nLet me take it step by step: first what is asked, then what follows from it. 想清楚了，可以回答。`
}

function readingOf (call: Call): string {
  const results = call.messages.slice(call.messages.findLastIndex(message => message.role !== 'tool') + 1)
  return `根据工具返回的结果：\n${results.map(result => `- ${quoted(result.content)}`).join('\n')}\n\nThat is what the tool says.`
}

const OPENINGS = ['好的，你说的是：', '收到。你写道：', '明白了，你的原话是：', '当然可以。你提到：']

/** Chinese, English and code in every echo, so that tokens of all three kinds pass through. */
function echoOf (call: Call, choice: number): string {
  const question = quoted(questionOf(call))
  const opening = OPENINGS[(question.length + Number(BigInt(call.seed ?? 0) % 4n) + choice) % OPENINGS.length] ?? ''
  const seed = call.seed === undefined ? '' : `\n随机数种子是 ${call.seed}。`
  return `${opening}“${question}”。\n\n` +
    'This answer comes from a simulator, word for word the same every time. In Python it reads:\n\n' +
    '```python\ndef answer(question: str) -> str:\n    """Says what was said."""\n    return f"你说：{question}"\n\n' +
    `print(answer(${JSON.stringify(question)}))  # 输出\n\`\`\`\n${seed}`
}

function quoted (text: string): string {
  const characters = Array.from(text)
  return characters.length <= QUOTE_CHARACTERS_MAX ? text : characters.slice(0, QUOTE_CHARACTERS_MAX).join('') + '…'
}
