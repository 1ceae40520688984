import t from 'tap'
import { promptOf, textOf } from '../../src/core/chat.ts'
import type { Message } from '../../src/core/chat.ts'

t.test('a message\'s text is that of its text parts, joined', async (t) => {
  const parts = [{ type: 'text', text: 'a' }, { type: 'image', source: 'https://a.example/b.png' }, { type: 'text', text: '' }, { type: 'text', text: 'b' }] as const
  t.equal(textOf({ parts }), 'a\n\nb')
  t.equal(textOf({ parts }, ''), 'ab')
  t.equal(textOf({ parts: [] }), '')
  t.equal(textOf({ parts: [{ type: 'text', text: '' }, { type: 'text', text: 'b' }] }), '\nb', 'an empty part is a part')
})

t.test('a prompt has what is counted: roles, texts, calls and tools', async (t) => {
  const calls = [{ id: 'a', name: 'f', arguments: '{}' }]
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const messages: Message[] = [{ role: 'user', parts: [{ type: 'text', text: 'hi' }], name: 'n' }, { role: 'assistant', parts: [], toolCalls: calls, reasoning: 'r' }]
  t.strictSame(promptOf({ messages, extra: {}, parameters: { tools, seed: 1 } }), {
    messages: [{ role: 'user', content: 'hi' }, { role: 'assistant', content: '', toolCalls: calls }],
    tools
  })
  t.strictSame(promptOf({ messages: [], extra: {}, parameters: {} }), { messages: [] })
  t.strictSame(promptOf({ messages: [], extra: {}, parameters: { tools: null } }), { messages: [] })
})

t.test('earlier reasoning is read again only where the client asks for that', async (t) => {
  const messages: Message[] = [{ role: 'assistant', parts: [{ type: 'text', text: 'b' }], reasoning: 'a' }]
  t.equal(promptOf({ messages, extra: {}, parameters: {} }).messages[0]?.content, 'b')
  t.equal(promptOf({ messages, extra: { preserve_thinking: true }, parameters: {} }).messages[0]?.content, 'ab')
})
