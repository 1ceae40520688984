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
  t.strictSame(promptOf({ messages, parameters: { tools, seed: 1 } }), {
    messages: [{ role: 'user', content: 'hi' }, { role: 'assistant', content: '', toolCalls: calls }],
    tools
  })
  t.strictSame(promptOf({ messages: [], parameters: {} }), { messages: [] })
  t.strictSame(promptOf({ messages: [], parameters: { tools: null } }), { messages: [] })
})
