import t from 'tap'
import type { ChatRequest, Part } from '../../../src/core/chat.ts'
import type { Quirks } from '../../../src/core/target.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { parseJson } from '../../../src/core/json.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { OPENAI_ITSELF, targetWith } from './samples.ts'

const REQUEST: ChatRequest = {
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }], stream: false, parameters: {}, extra: {}, vendorHeaders: {}
}

function rendered (request: Partial<ChatRequest>, quirks: Partial<Quirks> = {}): Record<string, unknown> {
  return JSON.parse(openai.dialect.renderRequest({ ...REQUEST, ...request }, targetWith(quirks)).body.toString())
}

function renderedParts (parts: readonly Part[], quirks: Partial<Quirks> = {}): unknown {
  return (rendered({ messages: [{ role: 'user', parts }] }, quirks)['messages'] as JsonObject[])[0]?.['content']
}

t.test('renders the smallest request', async t => {
  t.strictSame(rendered({}), { model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
})

t.test('asks a stream for its usage', async t => {
  const call = openai.dialect.renderRequest({ ...REQUEST, stream: true }, targetWith({}, 'qwen-max'))
  t.match(JSON.parse(call.body.toString()), { model: 'qwen-max', stream: true, stream_options: { include_usage: true } })
  t.match(call, { path: '/chat/completions', stream: true, headers: { accept: 'text/event-stream' } })
})

t.test('asks a target that only streams for a stream', async t => {
  const call = openai.dialect.renderRequest(REQUEST, targetWith({ streamOnly: true }))
  t.match(JSON.parse(call.body.toString()), { stream: true, stream_options: { include_usage: true } })
  t.match(call, { stream: true, headers: { accept: 'text/event-stream' } })
})

t.test('copies parameters exactly, big numbers included', async t => {
  const parameters = parseJson('{"temperature":0.5,"top_p":1,"seed":18446744073709551615,"stop":["a"],"response_format":{"type":"json_object"}}') as JsonObject
  const { body } = openai.dialect.renderRequest({ ...REQUEST, parameters }, targetWith())
  t.match(body.toString(), '"temperature":0.5,"top_p":1,"seed":18446744073709551615,"stop":["a"],"response_format":{"type":"json_object"}')
})

t.test('copies extensions only where they are understood', async t => {
  const extra = { top_k: 50, enable_thinking: false, metadata: { a: 1 }, brand_new: 1 }
  t.match(rendered({ extra }), extra)
  t.strictSame(Object.keys(rendered({ extra }, OPENAI_ITSELF)), ['model', 'messages', 'metadata'])
  t.notOk('top_k' in rendered({ extra: { top_k: 101 } }))
  t.notOk('top_k' in rendered({ extra: { top_k: null } }))
  t.match(refusalOf(() => rendered({ extra: { translation_options: {} } }, OPENAI_ITSELF)), { kind: 'unsupported_parameter', param: 'translation_options' })
  t.match(refusalOf(() => rendered({ parameters: { stop: [1] } }, OPENAI_ITSELF)), { kind: 'unsupported_parameter', param: 'stop' })
  t.match(rendered({ parameters: { stop: [[1, 2]] } }), { stop: [[1, 2]] })
})

t.test('tells which parameters it leaves out, unless they mean the same as absent', async t => {
  const ignored = (extra: JsonObject, quirks: Partial<Quirks> = {}) => openai.dialect.renderRequest({ ...REQUEST, extra }, targetWith(quirks)).ignoredParameters
  const extra = { top_k: 50, enable_search: false, metadata: { a: 1 }, brand_new: 1, 'with space': 1 }
  t.strictSame(ignored(extra), [])
  t.strictSame(ignored(extra, OPENAI_ITSELF), ['top_k', 'enable_search', 'brand_new', '(other)'])
  t.strictSame(ignored({ top_k: 101, stream: true }, OPENAI_ITSELF), [])
  t.strictSame(ignored({ model: 'qwen-max' }), ['model'])
})

t.test('lets no extension speak for the gateway', async t => {
  const extra = { model: 'qwen-max', messages: [], stream: true, max_tokens: 9, max_completion_tokens: 9, stream_options: {}, n: 4 }
  t.strictSame(rendered({ extra }), { model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
})

t.test('names the output cap as the target takes it', async t => {
  t.equal(rendered({ outputTokensMax: 5 })['max_tokens'], 5)
  t.equal(rendered({ outputTokensMax: 5 }, { maxCompletionTokens: true })['max_completion_tokens'], 5)
  const thinking = { outputTokensMax: 5, outputCapName: 'max_completion_tokens' as const }
  t.strictSame(caps(rendered(thinking)), { max_completion_tokens: 5 })
  t.strictSame(caps(rendered(thinking, OPENAI_ITSELF)), { max_tokens: 5 })
  t.strictSame(caps(rendered({ ...thinking, outputCapName: 'max_tokens' }, { maxCompletionTokens: true })), { max_completion_tokens: 5 })
})

function caps ({ model, messages, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest
}

t.test('says that tools are called one by one where that is not the default', async t => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  t.equal(rendered({ parameters: { tools } }, OPENAI_ITSELF)['parallel_tool_calls'], false)
  t.equal(rendered({ parameters: { tools, parallel_tool_calls: true } }, OPENAI_ITSELF)['parallel_tool_calls'], true)
  t.notOk('parallel_tool_calls' in rendered({ parameters: { tools } }))
  t.notOk('parallel_tool_calls' in rendered({}, OPENAI_ITSELF))
})

t.test('follows the policy on tool_choice required', async t => {
  const parameters = { tool_choice: 'required' }
  t.equal(rendered({ parameters })['tool_choice'], 'required')
  t.equal(rendered({ parameters }, { toolChoiceRequired: 'auto' })['tool_choice'], 'auto')
  t.match(refusalOf(() => rendered({ parameters }, { toolChoiceRequired: 'reject' })), { kind: 'unsupported_parameter', param: 'tool_choice' })
})

t.test('renders a conversation with tools for both kinds of upstream', async t => {
  const messages: ChatRequest['messages'] = [
    { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
    { role: 'assistant', parts: [], reasoning: 'hm', toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }] },
    { role: 'tool', parts: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }], toolCallId: 'c1', name: 'f' },
    { role: 'user', name: 'ann', parts: [{ type: 'text', text: 'a', attributes: { cache_control: { type: 'ephemeral' } } }] }
  ]
  const toolCalls = [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }]
  t.strictSame(rendered({ messages })['messages'], [
    { role: 'system', content: 'be brief' },
    { role: 'assistant', content: '', reasoning_content: 'hm', tool_calls: toolCalls },
    { role: 'tool', content: 'a\nb', tool_call_id: 'c1' },
    { role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }], name: 'ann' }
  ])
  t.strictSame(rendered({ messages }, OPENAI_ITSELF)['messages'], [
    { role: 'system', content: 'be brief' },
    { role: 'assistant', content: null, tool_calls: toolCalls },
    { role: 'tool', content: 'a\nb', tool_call_id: 'c1' },
    { role: 'user', content: 'a', name: 'ann' }
  ])
})

t.test('continues a partial message only where that exists', async t => {
  const messages: ChatRequest['messages'] = [{ role: 'assistant', parts: [{ type: 'text', text: 'Once' }], partial: true }]
  t.strictSame(rendered({ messages })['messages'], [{ role: 'assistant', content: 'Once', partial: true }])
  t.match(refusalOf(() => rendered({ messages }, OPENAI_ITSELF)), { kind: 'unsupported_parameter', param: 'partial' })
})

t.test('renders media for both kinds of upstream', async t => {
  const image: Part = { type: 'image', source: 'https://example.com/a.png', attributes: { detail: 'low', min_pixels: 3136 } }
  const audio: Part = { type: 'audio', source: 'data:audio/mp3;base64,AAAA' }
  t.strictSame(renderedParts([image, audio]), [
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' }, min_pixels: 3136 },
    { type: 'input_audio', input_audio: { data: 'data:audio/mp3;base64,AAAA', format: 'mp3' } }
  ])
  t.strictSame(renderedParts([image, audio], OPENAI_ITSELF), [
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }
  ])
  t.strictSame(renderedParts([
    { type: 'audio', source: 'https://example.com/a.ogg?x=1' },
    { type: 'video', source: 'https://example.com/a.mp4' },
    { type: 'video', source: ['https://example.com/1.png'], attributes: { fps: 2 } },
    { type: 'file', source: { file_id: 'file-1' } }
  ]), [
    { type: 'input_audio', input_audio: { data: 'https://example.com/a.ogg?x=1', format: 'ogg' } },
    { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } },
    { type: 'video', video: ['https://example.com/1.png'], fps: 2 },
    { type: 'file', file: { file_id: 'file-1' } }
  ])
  t.equal(refusalOf(() => renderedParts([{ type: 'video', source: 'https://example.com/a.mp4' }], OPENAI_ITSELF)).kind, 'unsupported_parameter')
  t.equal(refusalOf(() => renderedParts([{ type: 'audio', source: 'https://example.com/a.ogg' }], OPENAI_ITSELF)).kind, 'unsupported_parameter')
})

t.test('sends the vendor\'s headers to the vendor alone', async t => {
  const request = { ...REQUEST, vendorHeaders: { 'x-dashscope-workspace': 'w' } }
  t.equal(openai.dialect.renderRequest(request, targetWith()).headers['x-dashscope-workspace'], 'w')
  t.notOk('x-dashscope-workspace' in openai.dialect.renderRequest(request, targetWith(OPENAI_ITSELF)).headers)
})
