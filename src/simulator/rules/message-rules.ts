import { countPrompt } from '../../tokens/prompt.ts'
import { callOf } from '../call-reader.ts'
import type { Examined, Rule } from './rules.ts'
import { engineRefusal } from '../vendor-error.ts'
import { arrayAt, isObject, objectAt, stringAt } from '../wire-json.ts'
import type { JsonObject } from '../wire-json.ts'

const NATIVE_ROLES = ['user', 'assistant', 'system', 'function', 'plugin', 'tool']
const COMPATIBLE_ROLES = ['system', 'assistant', 'user', 'tool', 'function']
const LAST_ROLES = ['user', 'function', 'tool']

/** Who may say what, in which order. */
export const messageRules: readonly Rule<Examined>[] = [
  {
    name: 'messages are objects',
    broken: ({ messages }) => !messages.every(isObject),
    refusal: 'Input should be a valid dictionary or instance of GPT3Message'
  },
  {
    name: 'the compatible mode knows five roles, and developer is none of them',
    broken: examined => examined.dialect === 'compatible' && strangerAt(examined, COMPATIBLE_ROLES) >= 0,
    refusal: examined => {
      const index = strangerAt(examined, COMPATIBLE_ROLES)
      return `${String(messagesOf(examined)[index]?.role)} is not one of ['${COMPATIBLE_ROLES.join("', '")}'] - 'messages.[${index}].role'`
    }
  },
  {
    name: 'the native dialect knows six roles, and the last message is for the model to answer',
    broken: examined => (examined.dialect === 'native' && strangerAt(examined, NATIVE_ROLES) >= 0) || !isAnswerable(examined),
    refusal: `Role must be in ${JSON.stringify(NATIVE_ROLES)} and the role in last message must be in ${JSON.stringify(LAST_ROLES)}`
  },
  {
    name: 'a message with tool calls has content too, if only an empty one',
    broken: examined => missingContentAt(examined) >= 0,
    refusal: examined => `Input error. Field required: input.messages.${missingContentAt(examined)}.content`
  },
  {
    name: 'every other message has content',
    broken: examined => messagesOf(examined).some(message => !calls(message) &&
      (message.content === undefined || message.content === null)),
    refusal: 'The content field is a required field.'
  },
  {
    name: 'the text service takes content as a string',
    broken: examined => examined.dialect === 'native' && examined.service === 'text' && messagesOf(examined).some(hasOddContent),
    refusal: 'input content must be a string.'
  },
  {
    name: 'a tool result is a string in the compatible mode',
    broken: examined => examined.dialect === 'compatible' && messagesOf(examined).some(message => message.role === 'tool' && hasOddContent(message)),
    refusal: 'input content must be a string.'
  },
  {
    name: 'a tool message answers a call',
    broken: examined => pairing(examined) === 'result without call',
    refusal: 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
  },
  {
    name: 'every call is answered',
    broken: examined => pairing(examined) === 'call without result',
    refusal: 'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id".'
  },
  {
    name: 'somebody asks something',
    broken: examined => examined.messages.length > 0 && !messagesOf(examined).some(message => message.role === 'user'),
    refusal: 'The input messages do not contain elements with the role of user.'
  },
  {
    name: 'the prompt fits the model',
    broken: examined => {
      const { messages, tools, model } = callOf(examined, examined.model)
      const tokensMax = model.inputTokensMax
      return countPrompt({ messages, tools: tools.map(tool => tool.source) }, { tokensMax }) > tokensMax
    },
    refusal: ({ model }) => engineRefusal(`Range of input length should be [1, ${model.inputTokensMax}]`)
  }
]

function messagesOf ({ messages }: Examined): readonly JsonObject[] {
  return messages.filter(isObject)
}

function strangerAt (examined: Examined, roles: readonly string[]): number {
  return messagesOf(examined).findIndex(message => !roles.includes(stringAt(message, 'role') ?? ''))
}

/** A prompt without messages is; so is an assistant's half sentence the model is to finish. */
function isAnswerable (examined: Examined): boolean {
  const last = messagesOf(examined).at(-1)
  return last === undefined || LAST_ROLES.includes(stringAt(last, 'role') ?? '') || last.partial === true
}

function calls (message: JsonObject): boolean {
  return arrayAt(message, 'tool_calls').length > 0
}

/** The compatible mode takes null for no content; the native dialect wants the field filled. */
function missingContentAt (examined: Examined): number {
  return messagesOf(examined).findIndex(message => calls(message) &&
    (message.content === undefined || (examined.dialect === 'native' && message.content === null)))
}

function hasOddContent (message: JsonObject): boolean {
  return message.content !== undefined && message.content !== null && typeof message.content !== 'string'
}

type Pairing = 'sound' | 'result without call' | 'call without result'

/** Natively ids are optional, so results without one are told apart by number alone. */
function pairing (examined: Examined): Pairing {
  let open: (string | undefined)[] = []
  for (const message of messagesOf(examined)) {
    if (message.role === 'tool') {
      const id = stringAt(message, 'tool_call_id')
      const answered = open.findIndex(callId => id === undefined || callId === undefined || callId === id)
      if (answered < 0 || (id === undefined && examined.dialect === 'compatible')) return 'result without call'
      open.splice(answered, 1)
    } else {
      if (open.length > 0) return 'call without result'
      open = arrayAt(message, 'tool_calls').filter(isObject).map(call => stringAt(call, 'id') ?? stringAt(objectAt(call, 'function'), 'id'))
    }
  }
  return open.length > 0 ? 'call without result' : 'sound'
}
