import t from 'tap'
import { refusalOf } from '../../support/refusal.ts'
import { callOf, opened } from './samples.ts'

t.test('opens the smallest call', async t => {
  const { prompt, ...envelope } = opened(callOf({})).envelope
  t.strictSame(envelope, {
    model: 'qwen-coder-turbo',
    stream: false,
    outputTokensMax: undefined,
    outputCapPath: 'max_tokens',
    choices: 1,
    outputTokensAsked: undefined,
    thinking: { asked: 'unsaid', tokensMax: undefined },
    media: { pictures: 0, others: 0 },
    otherBytes: 40,
    fetches: false,
    toolsBytes: 0,
    usageWanted: false,
    cumulative: false
  })
  t.strictSame(prompt(), { messages: [{ role: 'user', content: 'hi' }] })
})

t.test('takes from the body what routing and counting need', async t => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const { envelope } = opened(callOf({ stream: true, stream_options: { include_usage: true }, n: 2, max_tokens: 9, max_completion_tokens: 7, tools }))
  t.match(envelope, { stream: true, usageWanted: true, choices: 2, outputTokensMax: 7, outputCapPath: 'max_completion_tokens' })
  t.strictSame(envelope.prompt().tools, tools)
  t.equal(envelope.toolsBytes, JSON.stringify(tools).length)
  t.equal(opened(callOf({ tools: null })).envelope.toolsBytes, 0)
})

t.test('streams by header where the body does not say', async t => {
  const headers = { 'x-dashscope-sse': 'Enable' }
  t.equal(opened(callOf({}, headers)).envelope.stream, true)
  t.equal(opened(callOf({ stream: null }, headers)).envelope.stream, true)
  t.equal(opened(callOf({ stream: false }, headers)).envelope.stream, false)
  t.equal(opened(callOf({}, { accept: 'text/event-stream' })).envelope.stream, false)
})

t.test('refuses what the vendor refuses, naming the parameter', async t => {
  const image = (url: unknown) => ({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] })
  const part = (value: object) => ({ messages: [{ role: 'user', content: [value] }] })
  const cases: readonly [object, string, string?][] = [
    [{ model: '' }, 'model'],
    [{ model: undefined }, 'model'],
    [{ model: 7 }, 'model'],
    [{ model: 'x'.repeat(257) }, 'model'],
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'root', content: 'x' }] }, 'messages.[0].role'],
    [{ stream: 'true' }, 'stream'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ stream: true, stream_options: [] }, 'stream_options'],
    [{ stream: true, stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
    [{ top_p: 0 }, 'top_p'],
    [{ temperature: 2 }, 'temperature'],
    [{ n: 5 }, 'n'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ max_completion_tokens: '1' }, 'max_completion_tokens'],
    [{ tools: [{ type: 'retrieval' }] }, 'tools'],
    [{ functions: [] }, 'functions', 'unsupported_parameter'],
    [{ function_call: 'auto' }, 'function_call', 'unsupported_parameter'],
    [image('http://169.254.169.254/latest/meta-data/'), 'messages.[0].content'],
    [image('file:///etc/passwd'), 'messages.[0].content'],
    [image('data:image/png;base64,@@@@'), 'messages.[0].content'],
    [image(5), 'messages.[0].content'],
    [part({ type: 'exe', exe: 'x' }), 'messages.[0].content'],
    [part({ text: 'no type' }), 'messages.[0].content'],
    [part({ type: 'constructor' }), 'messages.[0].content'],
    [part({ type: 'text' }), 'messages.[0].content'],
    [part({ type: 'image_url', image_url: { url: 'https://example.com/a.png' }, text: 'counted, never read' }), 'messages.[0].content'],
    [part({ type: 'video', video: ['https://example.com/1.png', 'http://10.0.0.1/2.png'] }), 'messages.[0].content'],
    [part({ type: 'video', video: [] }), 'messages.[0].content'],
    [part({ type: 'video_url' }), 'messages.[0].content'],
    [part({ type: 'input_audio', input_audio: { data: 'http://localhost/a.mp3' } }), 'messages.[0].content'],
    [part({ type: 'input_audio', input_audio: {} }), 'messages.[0].content'],
    [part({ type: 'file', file: { file_data: 'file:///etc/passwd' } }), 'messages.[0].content'],
    [part({ type: 'file', file: 'x' }), 'messages.[0].content'],
    [part({ type: 'refusal' }), 'messages.[0].content']
  ]
  for (const [body, param, kind = 'invalid_request'] of cases) {
    const error = refusalOf(() => opened(callOf(body)))
    t.match(error, { kind, status: 400, param }, JSON.stringify(body).slice(0, 80))
  }
  t.equal(refusalOf(() => opened(callOf({ model: '' }))).message, 'you must provide a model parameter.')
})

t.test('accepts what it does not know', async t => {
  const parts = [
    { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    { type: 'video_url', video_url: 'https://example.com/a.mp4' },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
    { type: 'file', file: { file_id: 'file-1' } }
  ]
  const { envelope } = opened(callOf({ metadata: { a: 1 }, brand_new: true, messages: [{ role: 'user', content: parts }] }))
  t.same(envelope.media, { pictures: 1, others: 3 })
})

t.test('forbids tools in a stream only under strict rules', async t => {
  const body = { stream: true, tools: [{ type: 'function', function: { name: 'f' } }] }
  t.equal(opened(callOf(body)).envelope.stream, true)
  t.match(refusalOf(() => opened(callOf(body), { strict: true })), { kind: 'invalid_request', param: 'tools', message: /stream=True/ })
  t.equal(opened(callOf({ ...body, stream: false }), { strict: true }).envelope.stream, false)
})

t.test('parses every parameter into its place', async t => {
  const request = opened(callOf(
    { stream: true, temperature: 0.5, seed: 1, stop: null, top_k: 5, metadata: { a: 1 }, user: null, max_tokens: 16 },
    { 'x-dashscope-workspace': 'w', 'x-dashscope-other': 'o', authorization: 'Bearer secret' }
  )).parseRequest()
  t.strictSame(request, {
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    stream: true,
    parameters: { temperature: 0.5, seed: 1 },
    outputTokensMax: 16,
    outputCapName: 'max_tokens',
    extra: { top_k: 5, metadata: { a: 1 } },
    vendorHeaders: { 'x-dashscope-workspace': 'w' }
  })
})

t.test('names the output cap it took', async t => {
  const request = opened(callOf({ max_tokens: 5, max_completion_tokens: 7 })).parseRequest()
  t.match(request, { outputTokensMax: 7, outputCapName: 'max_completion_tokens' })
})

t.test('refuses a workspace that cannot be one', async t => {
  for (const workspace of ['', 'x'.repeat(129), 'caf\u00e9', 'a\nb']) {
    t.match(refusalOf(() => opened(callOf({}, { 'x-dashscope-workspace': workspace }))),
      { kind: 'invalid_request', status: 400, param: 'X-DashScope-WorkSpace' })
  }
  t.ok(opened(callOf({}, { 'x-dashscope-workspace': 'x'.repeat(128) })))
})

t.test('parses messages, their tool calls and the results tied to them', async t => {
  const messages = [
    { role: 'developer', content: 'be brief' },
    { role: 'user', name: 'ann', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }, { type: 'text', text: 'b' }] },
    { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }] },
    { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
    { role: 'user', content: 'go on' }
  ]
  t.strictSame(opened(callOf({ messages })).parseRequest().messages, [
    { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
    {
      role: 'user',
      parts: [{ type: 'text', text: 'a', attributes: { cache_control: { type: 'ephemeral' } } }, { type: 'text', text: 'b' }],
      name: 'ann'
    },
    { role: 'assistant', parts: [], toolCalls: [{ id: 'c1', name: 'f', arguments: '{"x":1}' }], reasoning: 'hm' },
    { role: 'tool', parts: [{ type: 'text', text: 'sunny' }], toolCallId: 'c1', name: 'f' },
    { role: 'assistant', parts: [{ type: 'text', text: 'no' }] },
    { role: 'user', parts: [{ type: 'text', text: 'go on' }] }
  ])
})

t.test('gives a call without an id the id its result gets', async t => {
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: '', tool_calls: [{ type: 'function', function: { name: 'f', arguments: { x: 1 } } }] },
    { role: 'tool', name: 'f', content: 'sunny' }
  ]
  const [, call, result] = opened(callOf({ messages })).parseRequest().messages
  const [made] = call?.toolCalls ?? []
  t.match(made?.id, /^call_[0-9a-f]{24}$/)
  t.equal(made?.arguments, '{"x":1}')
  t.equal(result?.toolCallId, made?.id)
})

t.test('reads the deprecated function messages as tool messages', async t => {
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
    { role: 'function', name: 'f', content: 'sunny' }
  ]
  const [, call, result] = opened(callOf({ messages })).parseRequest().messages
  t.match(call?.toolCalls, [{ name: 'f', arguments: '{}' }])
  t.match(result, { role: 'tool', name: 'f', toolCallId: call?.toolCalls?.[0]?.id })
})

t.test('parses media into sources any protocol can hand on', async t => {
  const content = [
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' }, min_pixels: 3136 },
    { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } },
    { type: 'video', video: ['https://example.com/1.png'], fps: 2 },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
    { type: 'input_audio', input_audio: { data: 'https://example.com/a.wav' } },
    { type: 'file', file: { file_id: 'file-1' } }
  ]
  t.strictSame(opened(callOf({ messages: [{ role: 'user', content }] })).parseRequest().messages[0]?.parts, [
    { type: 'image', source: 'https://example.com/a.png', attributes: { min_pixels: 3136, detail: 'low' } },
    { type: 'video', source: 'https://example.com/a.mp4' },
    { type: 'video', source: ['https://example.com/1.png'], attributes: { fps: 2 } },
    { type: 'audio', source: 'data:audio/mp3;base64,AAAA' },
    { type: 'audio', source: 'https://example.com/a.wav' },
    { type: 'file', source: { file_id: 'file-1' } }
  ])
})
