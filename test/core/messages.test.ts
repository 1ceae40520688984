import t from 'tap'
import { checkMessages } from '../../src/core/messages.ts'
import { parseJson } from '../../src/core/json.ts'
import { shownRefusal } from '../support/refusal.ts'
import type { JsonValue } from '../../src/core/json.ts'
import type { MessageFacts, MessageGrammar } from '../../src/core/messages.ts'

const GRAMMAR: MessageGrammar = {
  path: 'messages',
  roles: new Set(['system', 'user', 'assistant', 'tool', 'developer', 'function']),
  partFault: (part, role) => part['type'] === 'wrong' ? `A ${role} may not say that.` : undefined
}
const ORPHAN = 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
const LAST = 'Role must be in ["user","assistant","system","function","plugin","tool"] and the role in last message must be in ["user","function","tool"]'
const NOT_A_MESSAGE = 'Input should be a valid dictionary or instance of GPT3Message'
const NO_CONTENT = 'The content field is a required field.'
const NOT_CALLS = "'tool_calls' must be a list of function calls on an assistant message"

const user = { role: 'user', content: '你好' }
const system = { role: 'system', content: 'You are a helpful assistant.' }
const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
const calling = { role: 'assistant', content: '', tool_calls: [call] }
const result = { role: 'tool', content: '1', tool_call_id: 'call_1' }

function check (messages: JsonValue | undefined, strict = false): MessageFacts {
  return checkMessages(messages, GRAMMAR, { strict })
}

const REFUSED: [string, JsonValue | undefined, string, string][] = [
  ['absent', undefined, 'messages', "'messages' must be List"],
  ['null', null, 'messages', "'messages' must be List"],
  ['an object', { 0: user }, 'messages', "'messages' must be List"],
  ['a string', 'Hello', 'messages', "'messages' must be List"],
  ['empty', [], 'messages', "[] is too short - 'messages'"],
  ['too many', Array<JsonValue>(10_001).fill(user), 'messages', "'messages' must have at most 10000 entries"],
  ['a message that is null', [user, null], 'messages.[1]', NOT_A_MESSAGE],
  ['a message that is a string', ['hi'], 'messages.[0]', NOT_A_MESSAGE],
  ['a message that is a list', [[user]], 'messages.[0]', NOT_A_MESSAGE],
  ['a message that is a number', [parseJson('18446744073709551615')], 'messages.[0]', NOT_A_MESSAGE],
  ['an unknown role', [{ role: 'bot', content: '' }], 'messages.[0].role',
    "bot is not one of ['system', 'user', 'assistant', 'tool', 'developer', 'function'] - 'messages.[0].role'"],
  ['a role of an object\'s prototype', [{ role: 'constructor', content: '' }], 'messages.[0].role',
    "constructor is not one of ['system', 'user', 'assistant', 'tool', 'developer', 'function'] - 'messages.[0].role'"],
  ['a long role, shown in part', [{ role: 'x'.repeat(1_000), content: '' }], 'messages.[0].role',
    `${'x'.repeat(32)} is not one of ['system', 'user', 'assistant', 'tool', 'developer', 'function'] - 'messages.[0].role'`],
  ['no role', [{ content: '' }], 'messages.[0].role',
    "the role is not one of ['system', 'user', 'assistant', 'tool', 'developer', 'function'] - 'messages.[0].role'"],
  ['a role that is a number', [{ role: 1, content: '' }], 'messages.[0].role',
    "the role is not one of ['system', 'user', 'assistant', 'tool', 'developer', 'function'] - 'messages.[0].role'"],
  ['no content', [{ role: 'user' }], 'messages.[0].content', NO_CONTENT],
  ['content null', [{ role: 'user', content: null }], 'messages.[0].content', NO_CONTENT],
  ['an assistant without content or calls', [{ role: 'assistant', content: null }, user], 'messages.[0].content', NO_CONTENT],
  ['an assistant whose calls are null', [{ role: 'assistant', content: null, tool_calls: null, function_call: null }, user], 'messages.[0].content', NO_CONTENT],
  ['a user without content but with calls', [{ role: 'user', tool_calls: [call] }], 'messages.[0].content', NO_CONTENT],
  ['a tool without content', [calling, { role: 'tool', tool_call_id: 'call_1' }], 'messages.[1].content', NO_CONTENT],
  ['content that is a number', [{ role: 'user', content: 1 }], 'messages.[0].content', 'input content must be a string.'],
  ['content that is an object', [{ role: 'user', content: { text: 'a' } }], 'messages.[0].content', 'input content must be a string.'],
  ['content that is a boolean', [{ role: 'user', content: false }], 'messages.[0].content', 'input content must be a string.'],
  ['a part that is a string', [{ role: 'user', content: ['a'] }], 'messages.[0].content', NOT_A_MESSAGE],
  ['a part that is null', [{ role: 'user', content: [null] }], 'messages.[0].content', NOT_A_MESSAGE],
  ['a part the protocol refuses', [{ role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'wrong' }] }], 'messages.[0].content', 'A user may not say that.'],
  ['calls of a user', [{ role: 'user', content: '', tool_calls: [call] }], 'messages.[0].tool_calls', NOT_CALLS],
  ['calls that are an object', [{ ...calling, tool_calls: call }, user], 'messages.[0].tool_calls', NOT_CALLS],
  ['a call that is null', [{ ...calling, tool_calls: [null] }, user], 'messages.[0].tool_calls', NOT_CALLS],
  ['a call without a function', [{ ...calling, tool_calls: [{ id: 'a' }] }, user], 'messages.[0].tool_calls', NOT_CALLS],
  ['a call without a name', [{ ...calling, tool_calls: [{ function: { arguments: '{}' } }] }, user], 'messages.[0].tool_calls', NOT_CALLS],
  ['a result that comes first', [result], 'messages.[0].role', ORPHAN],
  ['a result after a user', [user, result], 'messages.[1].role', ORPHAN],
  ['a result after an answer without calls', [user, { role: 'assistant', content: 'a' }, result], 'messages.[2].role', ORPHAN],
  ['a result after no calls', [user, { ...calling, tool_calls: [] }, result], 'messages.[2].role', ORPHAN],
  ['a result that a user came before', [user, calling, user, result], 'messages.[3].role', ORPHAN],
  ['an assistant in last place', [user, { role: 'assistant', content: 'a' }], 'messages', LAST],
  ['a system message in last place', [system], 'messages', LAST],
  ['an assistant that is partial in words only', [user, { role: 'assistant', content: 'a', partial: 'true' }], 'messages', LAST]
]

for (const [name, messages, param, message] of REFUSED) {
  t.test(`refused: ${name}`, async (t) => {
    t.same(shownRefusal(() => check(messages)), { kind: 'invalid_request', param, message })
  })
}

const ACCEPTED: [string, JsonValue[]][] = [
  ['one user message', [user]],
  ['the seed page\'s conversation', [system, user, { role: 'assistant', content: 'hi' }, user]],
  ['an empty text', [{ role: 'user', content: '' }]],
  ['no part at all', [{ role: 'user', content: [] }]],
  ['calls without content', [user, { role: 'assistant', content: null, tool_calls: [call] }, result]],
  ['calls with content left out', [user, { role: 'assistant', tool_calls: [call] }, result]],
  ['the function call of old', [user, { role: 'assistant', content: null, function_call: { name: 'f', arguments: '' } }, { role: 'function', name: 'f', content: '1' }]],
  ['a call without an id, as the seed page has it', [user, { role: 'assistant', content: '', tool_calls: [{ function: { name: 'f', arguments: '' } }] },
    { role: 'tool', name: 'f', content: '1' }]],
  ['two results for two calls', [user, { ...calling, tool_calls: [call, call] }, result, result]],
  ['a turn after the results', [user, calling, result, { role: 'assistant', content: 'a' }, user]],
  ['calls null on a plain message', [{ ...user, tool_calls: null }]],
  ['an answer to be continued', [user, { role: 'assistant', content: 'Once', partial: true }]],
  ['an answer to be continued from nothing', [user, { role: 'assistant', partial: true }]],
  ['a late system message', [user, system, user]],
  ['users in a row', [user, user]],
  ['ten thousand messages', Array<JsonValue>(10_000).fill(user)]
]

for (const [name, messages] of ACCEPTED) t.test(`accepted: ${name}`, async (t) => { t.match(check(messages), { media: { pictures: 0, others: 0 } }) })

t.test('strict: a system message stands in first place only', async (t) => {
  t.doesNotThrow(() => check([system, user], true))
  t.doesNotThrow(() => check([{ ...system, role: 'developer' }, user], true))
  for (const role of ['system', 'developer']) {
    t.same(shownRefusal(() => check([user, { ...system, role }, user], true)),
      { kind: 'invalid_request', param: 'messages.[1].role', message: 'Role system is only allowed in the first message' })
  }
})

t.test('one part that is no text makes the conversation more than text', async (t) => {
  const parts = (...content: JsonValue[]): JsonValue => [{ role: 'user', content }, user]
  t.same(check(parts({ type: 'text', text: 'a' }, { text: 'b' })).media, { pictures: 0, others: 0 })
  t.same(check([{ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] }, user]).media, { pictures: 0, others: 0 })
  t.same(check(parts({ type: 'text', text: 'a' }, { type: 'image_url', image_url: { url: 'https://a.example/b.png' } })).media, { pictures: 1, others: 0 })
  t.same(check(parts({ image: 'https://a.example/b.png' })).media, { pictures: 1, others: 0 })
  t.same(check(parts({ type: 'text', text: 1 })).media, { pictures: 0, others: 1 })
  t.same(check(parts({ type: 'image_url', image_url: { url: 'https://a.example/b.png' }, refusal: 'x' })).media, { pictures: 1, others: 0 }, 'a picture under a word')
  t.same(check(parts({ type: 'image_url', image_url: { url: 'https://a.example/b.png' }, text: 'x' })).media, { pictures: 1, others: 0 })
})

t.test('the roles that occur are told, and errors name the protocol\'s own path', async (t) => {
  t.same([...check([system, user, calling, result]).roles], ['system', 'user', 'assistant', 'tool'])
  t.same(shownRefusal(() => checkMessages([user, 1], { ...GRAMMAR, path: 'input.messages' }, { strict: false })),
    { kind: 'invalid_request', param: 'input.messages.[1]', message: NOT_A_MESSAGE })
})
