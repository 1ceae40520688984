import { createHash } from 'node:crypto'
import { invalidParameter } from './errors.ts'
import type { Message, ToolCall } from './chat.ts'

const CALL_ID_HEX_DIGITS = 24

/** An id for a call whose sender gave none; the same place in the same conversation always gets the same id. */
export function synthesizedCallId (scope: string, callIndex: number): string {
  return `call_${createHash('sha256').update(`${scope}:${callIndex}`).digest('hex').slice(0, CALL_ID_HEX_DIGITS)}`
}

/**
 * Ties tool results to their calls both ways: a result without an id takes that of the first unanswered call of its name
 * (the qwen-coder-turbo page links by name alone), and a result without a name takes the name of the call it answers.
 * @throws GatewayError `invalid_request` where a result fits no call
 */
export function linkToolCalls (messages: readonly Message[], path: string): Message[] {
  const linked: Message[] = []
  let open: ToolCall[] = []
  for (const [index, message] of messages.entries()) {
    if (message.role === 'assistant') {
      const calls = (message.toolCalls ?? []).map((call, callIndex) =>
        call.id === '' ? { ...call, id: synthesizedCallId(String(index), callIndex) } : call)
      open = [...calls]
      linked.push(message.toolCalls === undefined ? message : { ...message, toolCalls: calls })
    } else if (message.role === 'tool') {
      const call = takeCall(open, message)
      if (call === undefined && !message.toolCallId) {
        throw invalidParameter(`${path}.[${index}]`, 'messages with role "tool" must be a response to a preceeding message with "tool_calls".')
      }
      linked.push(call === undefined ? message : { ...message, toolCallId: call.id, name: message.name || call.name })
    } else {
      linked.push(message)
    }
  }
  return linked
}

/** An id that fits no open call says nothing; an empty one is none. */
function takeCall (open: ToolCall[], { toolCallId, name }: Message): ToolCall | undefined {
  const byId = toolCallId ? open.findIndex((call) => call.id === toolCallId) : -1
  const place = byId >= 0 ? byId : open.findIndex((call) => name ? call.name === name : !toolCallId)
  return place < 0 ? undefined : open.splice(place, 1)[0]
}
