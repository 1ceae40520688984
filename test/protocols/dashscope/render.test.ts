import t from 'tap'
import type { ChatRequest } from '../../../src/core/chat.ts'
import type { UpstreamCall } from '../../../src/core/protocol.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { DROPPED_PARAMETERS } from '../../../src/protocols/dashscope/render.ts'
import { refusalOf } from '../../support/refusal.ts'
import { targetWith } from './samples.ts'

const MULTIMODAL = { nativeService: 'multimodal-generation' } as const

function requestWith (changes: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }],
    stream: false,
    parameters: {},
    extra: {},
    vendorHeaders: {},
    ...changes
  }
}

function rendered (changes: Partial<ChatRequest>, quirks = {}): Omit<UpstreamCall, 'body'> & { body: Record<string, any> } {
  const call = dashscope.dialect.renderRequest(requestWith(changes), targetWith(quirks))
  return { ...call, body: JSON.parse(call.body.toString()) }
}

t.test('asks for messages always and for increments on streams only', async t => {
  const whole = rendered({})
  t.strictSame(whole.body, {
    model: 'qwen-coder-turbo', input: { messages: [{ role: 'user', content: 'a\nb' }] }, parameters: { result_format: 'message' }
  })
  t.strictSame(whole.headers, { 'Content-Type': 'application/json', Accept: 'application/json' })
  const stream = rendered({ stream: true, vendorHeaders: { 'x-dashscope-workspace': 'ws', other: 'x' } })
  t.strictSame(stream.body['parameters'], { result_format: 'message', incremental_output: true })
  t.strictSame(stream.headers,
    { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'X-DashScope-SSE': 'enable', 'X-DashScope-WorkSpace': 'ws' })
})

t.test('streams for a client that did not ask where the target can do nothing else', async t => {
  const { stream, body } = rendered({}, { streamOnly: true })
  t.equal(stream, true)
  t.equal(body['parameters'].incremental_output, true)
})

t.test('writes parts for the multimodal service and text for the other', async t => {
  const image = { type: 'image', source: 'https://example.com/a.png', attributes: { detail: 'low', min_pixels: 3 } } as const
  const messages = [{ role: 'user', parts: [image, { type: 'text', text: 'a' }] }] as const
  const { path, body } = rendered({ messages }, MULTIMODAL)
  t.equal(path, '/services/aigc/multimodal-generation/generation')
  t.strictSame(body['input'].messages[0].content, [{ image: 'https://example.com/a.png', min_pixels: 3 }, { text: 'a' }])
  t.match(refusalOf(() => rendered({ messages })), { kind: 'unsupported_parameter', param: 'input.messages' })
})

t.test('writes tool calls and their answers with all that either kind of server reads', async t => {
  const messages = [
    { role: 'assistant', parts: [], toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":' }], reasoning: 'hm' },
    { role: 'tool', parts: [{ type: 'text', text: '1' }], toolCallId: 'c', name: 'f' },
    { role: 'assistant', parts: [{ type: 'text', text: 'So' }], partial: true }
  ] as const
  t.strictSame(rendered({ messages }).body['input'].messages, [
    { role: 'assistant', content: '', reasoning_content: 'hm', tool_calls: [{ id: 'c', index: 0, type: 'function', function: { name: 'f', arguments: '{"a":' } }] },
    { role: 'tool', content: '1', tool_call_id: 'c', name: 'f' },
    { role: 'assistant', content: 'So', partial: true }
  ])
  t.strictSame(rendered({ messages }, MULTIMODAL).body['input'].messages[0].content, [])
})

t.test('puts every option inside parameters, injects none and drops those without meaning here', async t => {
  const parameters = { temperature: 0, top_p: 1, seed: 1, n: 2, stop: ['x'], presence_penalty: -0, frequency_penalty: 0.5, response_format: { type: 'text' } }
  const dropped = Object.fromEntries([...DROPPED_PARAMETERS].map((name) => [name, 'x']))
  t.strictSame(rendered({ parameters, outputTokensMax: 9, extra: { top_k: 5, enable_thinking: false, ...dropped } }).body['parameters'], {
    result_format: 'message', max_tokens: 9, ...parameters, presence_penalty: 0, top_k: 5, enable_thinking: false
  })
  t.notOk('frequency_penalty' in rendered({ parameters: { frequency_penalty: 0 } }).body['parameters'])
  t.strictSame(rendered({ parameters: { frequency_penalty: 0 }, extra: { user: 'u', verbosity: null, top_k: 5, stream_options: {} } }).ignoredParameters, ['user'])
  t.equal(rendered({ outputTokensMax: 9 }, { maxCompletionTokens: true }).body['parameters'].max_completion_tokens, 9)
})

t.test('refuses what it cannot say', async t => {
  t.match(refusalOf(() => rendered({ extra: { functions: [] } })), { kind: 'unsupported_parameter', param: 'functions' })
  t.match(refusalOf(() => rendered({ parameters: { tool_choice: { type: 'allowed_tools' } } })), { param: 'tool_choice' })
  t.match(refusalOf(() => rendered({ parameters: { tool_choice: 'required' } }, { toolChoiceRequired: 'reject' })), { param: 'tool_choice' })
  t.equal(rendered({ parameters: { tool_choice: 'required' } }, { toolChoiceRequired: 'auto' }).body['parameters'].tool_choice, 'auto')
  t.equal(rendered({ parameters: { tool_choice: 'required' } }).body['parameters'].tool_choice, 'required')
})
