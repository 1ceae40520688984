import t from 'tap'
import { linkToolCalls, synthesizedCallId } from '../../src/core/tool-calls.ts'
import { shownRefusal } from '../support/refusal.ts'
import type { Message, ToolCall } from '../../src/core/chat.ts'

const ORPHAN = 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'

const user: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function call (id: string, name: string): ToolCall {
  return { id, name, arguments: '{}' }
}

function assistant (...toolCalls: ToolCall[]): Message {
  return { role: 'assistant', parts: [], toolCalls }
}

function result (link: Pick<Message, 'toolCallId' | 'name'>): Message {
  return { role: 'tool', parts: [{ type: 'text', text: '1' }], ...link }
}

/** The id and the name each result ends up with. */
function links (...messages: Message[]): (string | undefined)[][] {
  return linkToolCalls(messages, 'messages').filter(({ role }) => role === 'tool').map(({ toolCallId, name }) => [toolCallId, name])
}

t.test('an id made up is the same for the same place and another for another', async (t) => {
  t.match(synthesizedCallId('0', 0), /^call_[0-9a-f]{24}$/)
  t.equal(synthesizedCallId('0', 0), synthesizedCallId('0', 0))
  const places = [['0', 0], ['0', 1], ['1', 0], ['1', 1], ['10', 1], ['1', 11]] as const
  t.equal(new Set(places.map(([scope, index]) => synthesizedCallId(scope, index))).size, places.length)
})

t.test('a result with an id takes the name of the call it answers', async (t) => {
  t.same(links(user, assistant(call('a', 'f'), call('b', 'g')), result({ toolCallId: 'b' }), result({ toolCallId: 'a' })), [['b', 'g'], ['a', 'f']])
  t.same(links(assistant(call('a', 'f')), result({ toolCallId: 'a', name: 'own' })), [['a', 'own']], 'a name of its own stays')
})

t.test('a result with a name takes the id of the first unanswered call of that name', async (t) => {
  const calls = assistant(call('a', 'f'), call('b', 'g'), call('c', 'f'))
  t.same(links(calls, result({ name: 'f' }), result({ name: 'f' }), result({ name: 'g' })), [['a', 'f'], ['c', 'f'], ['b', 'g']])
  t.same(links(calls, result({ toolCallId: 'a' }), result({ name: 'f' })), [['a', 'f'], ['c', 'f']], 'one answered by its id is answered')
})

t.test('a result with neither answers the calls in turn', async (t) => {
  t.same(links(assistant(call('a', 'f'), call('b', 'g')), result({}), result({})), [['a', 'f'], ['b', 'g']])
})

t.test('a call without an id gets one, and its result the same', async (t) => {
  const messages = [user, assistant(call('', 'f'), call('', 'f')), result({ name: 'f' }), result({ name: 'f' })]
  const linked = linkToolCalls(messages, 'messages')
  const ids = linked[1]?.toolCalls?.map(({ id }) => id)
  t.same(ids, [synthesizedCallId('1', 0), synthesizedCallId('1', 1)])
  t.same(links(...messages).map(([id]) => id), ids)
  t.equal(messages[1]?.toolCalls?.[0]?.id, '', 'what was given is left as it is')
})

t.test('a result that fits no call is refused unless its id says what it answers', async (t) => {
  const refused = (param: string, ...messages: Message[]): void => {
    t.same(shownRefusal(() => linkToolCalls(messages, 'input.messages')), { kind: 'invalid_request', param, message: ORPHAN })
  }
  refused('input.messages.[0]', result({}))
  refused('input.messages.[1]', assistant(call('a', 'f')), result({ name: 'g' }))
  refused('input.messages.[2]', assistant(call('a', 'f')), result({ name: 'f' }), result({ name: 'f' }))
  refused('input.messages.[2]', assistant(call('a', 'f')), assistant(), result({ name: 'f' }))
  t.same(links(assistant(call('a', 'f')), result({ toolCallId: 'x' })), [['x', undefined]], 'the upstream judges it')
})

t.test('an id that fits no open call gives way to the name, and an empty one is none', async (t) => {
  const calls = assistant(call('a', 'f'), call('b', 'g'))
  t.same(links(calls, result({ toolCallId: 'x', name: 'g' })), [['b', 'g']])
  t.same(links(calls, result({ toolCallId: '', name: 'g' }), result({ toolCallId: '', name: '' })), [['b', 'g'], ['a', 'f']])
  t.same(links(calls, result({ toolCallId: 'b', name: 'f' })), [['b', 'f']], 'one that fits is believed before the name')
  t.same(shownRefusal(() => linkToolCalls([assistant(call('a', 'f')), result({ toolCallId: '', name: 'g' })], 'm')),
    { kind: 'invalid_request', param: 'm.[1]', message: ORPHAN })
})

t.test('a later assistant message closes the calls before it', async (t) => {
  t.same(links(assistant(call('a', 'f')), result({ name: 'f' }), assistant(call('b', 'f')), result({ name: 'f' })), [['a', 'f'], ['b', 'f']])
})

t.test('other messages pass as they are', async (t) => {
  const messages: Message[] = [{ role: 'system', parts: [] }, user, { role: 'assistant', parts: [{ type: 'text', text: 'a' }] }]
  t.strictSame(linkToolCalls(messages, 'messages'), messages)
})
