import t from 'tap'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { MESSAGES, MULTIMODAL_PATH, REPLY, STREAM, TOOLS, callOf, opened } from './samples.ts'

t.test('opens the smallest call', async t => {
  const { prompt, ...envelope } = opened(callOf({})).envelope
  t.strictSame(envelope, {
    model: 'qwen-coder-turbo',
    stream: false,
    choices: 1,
    outputTokensMax: undefined,
    outputCapPath: 'parameters.max_tokens',
    outputTokensAsked: undefined,
    thinking: { asked: 'unsaid', tokensMax: undefined },
    media: { pictures: 0, others: 0 },
    otherBytes: 50,
    fetches: false,
    toolsBytes: 0,
    usageWanted: true,
    cumulative: false
  })
  t.strictSame(prompt(), { messages: [{ role: 'user', content: 'hi' }] })
})

t.test('streams where either header asks for it, and for no other reason', async t => {
  const streams = (headers: Record<string, string>) => opened(callOf({ parameters: { stream: true } }, headers)).envelope.stream
  t.equal(streams({ 'x-dashscope-sse': 'Enable' }), true)
  t.equal(streams({ accept: 'text/event-stream' }), true)
  t.equal(streams({ accept: 'application/json, Text/Event-Stream' }), true)
  t.equal(streams({ accept: '*/*' }), false)
  t.equal(streams({ 'x-dashscope-sse': 'disable' }), false)
  t.equal(streams({}), false)
})

t.test('knows how many bytes the tools take', async t => {
  t.equal(opened(callOf({ parameters: { result_format: 'message', tools: TOOLS } })).envelope.toolsBytes, JSON.stringify(TOOLS).length)
  t.equal(opened(callOf({ tools: TOOLS, parameters: { tools: null } })).envelope.toolsBytes, 0)
})

t.test('takes the output cap by either name', async t => {
  t.match(opened(callOf({ parameters: { max_tokens: 9 } })).envelope, { outputTokensMax: 9, outputCapPath: 'parameters.max_tokens' })
  const lone = opened(callOf({ parameters: { max_completion_tokens: 9 } }))
  t.match(lone.envelope, { outputTokensMax: 9, outputCapPath: 'parameters.max_completion_tokens' })
  t.match(lone.parseRequest(), { outputTokensMax: 9, outputCapName: 'max_completion_tokens' })
  t.notOk('outputCapName' in opened(callOf({})).parseRequest())
  const both = (answer: number, whole: number) => opened(callOf({ parameters: { max_tokens: answer, max_completion_tokens: whole } })).parseRequest()
  t.match(both(9, 12), { outputTokensMax: 9, outputCapName: 'max_tokens' })
  t.match(both(12, 9), { outputTokensMax: 9, outputCapName: 'max_completion_tokens' })
})

t.test('refuses what the vendor refuses, in its words', async t => {
  const messages = (...list: unknown[]) => ({ input: { messages: list } })
  const parts = (...list: unknown[]) => messages({ role: 'user', content: list })
  const cases: readonly [object, string, RegExp?][] = [
    [{ model: undefined }, 'model', /^Required parameter "model" missing from request\.$/],
    [{ model: 7 }, 'model'],
    [{ model: 'x'.repeat(257) }, 'model'],
    [{ input: undefined }, 'input', /^Required input parameter missing from request\.$/],
    [{ input: 'hi' }, 'input', /requires json format/],
    [{ input: {} }, 'input', /^Either "prompt" or "messages" must exist and cannot both be none$/],
    [{ input: { prompt: '' } }, 'input'],
    [{ input: { prompt: 7 } }, 'input.prompt'],
    [{ input: { prompt: 'a', messages: MESSAGES } }, 'input.prompt'],
    [{ input: { messages: MESSAGES, history: [] } }, 'input.history'],
    [{ input: { prompt: 'a', history: {} } }, 'input.history'],
    [{ input: { prompt: 'a', history: [{ user: 1 }] } }, 'input.history.[0]'],
    [messages(), 'input.messages', /is too short/],
    [messages({ role: 'developer', content: 'x' }), 'input.messages.[0].role'],
    [messages({ role: 'user', content: 'x' }, { role: 'assistant', content: 'y' }), 'input.messages', /last message/],
    [messages({ role: 'user' }), 'input.messages.[0].content'],
    [messages({ role: 'assistant', content: '', tool_calls: [{ function: { name: 'f' } }] }, { role: 'tool', content: 'x' }),
      'input.messages.[1].name', /Field required/],
    [parts({ image: 'http://127.0.0.1/a.png' }), 'input.messages.[0].content'],
    [parts({ text: 'a', image: 'https://example.com/a.png' }), 'input.messages.[0].content'],
    [parts({ image: 'https://example.com/a.png', refusal: 'a' }), 'input.messages.[0].content'],
    [parts({ type: 'text', image: 'https://example.com/a.png' }), 'input.messages.[0].content'],
    [parts({ video: ['https://example.com/a.png', 'file:///etc/passwd'] }), 'input.messages.[0].content'],
    [parts({ sound: 'x' }), 'input.messages.[0].content'],
    [{ parameters: [] }, 'parameters'],
    [{ parameters: { temperature: 2 } }, 'parameters.temperature', /^Temperature should be in \[0\.0, 2\.0\)$/],
    [{ parameters: { max_tokens: 1.5 } }, 'parameters.max_tokens'],
    [{ parameters: { result_format: 'xml' } }, 'parameters.result_format'],
    [{ parameters: { result_format: 'text', tools: TOOLS } }, 'parameters.result_format'],
    [{ parameters: { incremental_output: true } }, 'parameters.incremental_output', /only support stream call/],
    [{ parameters: { incremental_output: 'yes' } }, 'parameters.incremental_output']
  ]
  for (const [body, param, message] of cases) {
    const error = refusalOf(() => opened(callOf(body)))
    t.match(error, { kind: 'invalid_request', param, ...(message === undefined ? {} : { message }) }, JSON.stringify(body).slice(0, 80))
  }
})

t.test('refuses what a header asks and nobody can give', async t => {
  const refused = (headers: Record<string, string>) => refusalOf(() => opened(callOf({}, headers)))
  t.match(refused({ 'x-dashscope-async': 'enable' }),
    { kind: 'permission_denied', status: 403, message: 'Current user api does not support asynchronous calls.' })
  t.match(refused({ 'x-dashscope-encryptionkey': '{}' }), { status: 400 })
  t.match(refused({ 'x-dashscope-workspace': 'ws\u00e9' }), { status: 400 })
  t.match(refused({ 'x-dashscope-workspace': 'w'.repeat(129) }), { status: 400 })
})

t.test('holds clients to the seed page where the rules are strict', async t => {
  const strict = { strict: true }
  const late = { input: { messages: [...MESSAGES, { role: 'system', content: 'x' }, ...MESSAGES] } }
  t.match(refusalOf(() => opened(callOf(late), strict)), { param: 'input.messages.[1].role' })
  const call = callOf({ parameters: { incremental_output: true, tools: TOOLS } }, STREAM)
  t.match(refusalOf(() => opened(call, strict)), { kind: 'unsupported_parameter', param: 'parameters.incremental_output' })
  t.ok(opened(call))
})

t.test('passes what says nothing: null parameters, null options, false on a call without stream, keys beside the three', async t => {
  t.ok(opened(callOf({ parameters: null })))
  t.ok(opened(callOf({ parameters: { incremental_output: false, top_k: null, result_format: null, max_tokens: null }, tools: 'nonsense' })))
  t.ok(opened(callOf({ input: { prompt: '', messages: MESSAGES, history: null } })))
})

t.test('reads a prompt and its history as a conversation', async t => {
  const history = [{ user: '今天天气好吗？', bot: '不错。' }, { user: '去哪里？', bot: '' }]
  const request = opened(callOf({ input: { prompt: '你好', history } })).parseRequest()
  t.strictSame(request.messages.map(({ role, parts }) => [role, parts]), [
    ['user', [{ type: 'text', text: '今天天气好吗？' }]],
    ['assistant', [{ type: 'text', text: '不错。' }]],
    ['user', [{ type: 'text', text: '去哪里？' }]],
    ['user', [{ type: 'text', text: '你好' }]]
  ])
})

t.test('ties a tool result to its call by name, as the seed page has it', async t => {
  const calls = [{ type: 'function', function: { name: 'get_weather', arguments: { city: 'Paris' } } }]
  const messages = [...MESSAGES, { role: 'assistant', content: '', tool_calls: calls }, { role: 'tool', content: '晴', name: 'get_weather' }]
  const [, assistant, tool] = opened(callOf({ input: { messages } })).parseRequest().messages
  t.match(assistant?.toolCalls, [{ id: /^call_[0-9a-f]{24}$/, name: 'get_weather', arguments: '{"city":"Paris"}' }])
  t.equal(tool?.toolCallId, assistant?.toolCalls?.[0]?.id)
})

t.test('reads parts under their own keys and under the Java SDK\'s types', async t => {
  const url = 'https://example.com/a.png'
  const content = [
    { image: url, min_pixels: 3 }, { type: 'image_url', image_url: { url } }, { type: 'image', image: url }, { text: 'a' },
    { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } }, { video: [url, url] }, { audio: 'oss://bucket/a.wav' },
    { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }
  ]
  const call = opened(callOf({ input: { messages: [{ role: 'user', content }] } }, {}, MULTIMODAL_PATH))
  t.same(call.envelope.media, { pictures: 3, others: 3 })
  t.strictSame(call.parseRequest().messages[0]?.parts, [
    { type: 'image', source: url, attributes: { min_pixels: 3 } },
    { type: 'image', source: url },
    { type: 'image', source: url },
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b', attributes: { cache_control: { type: 'ephemeral' } } },
    { type: 'video', source: [url, url] },
    { type: 'audio', source: 'oss://bucket/a.wav' },
    { type: 'audio', source: 'data:audio/mp3;base64,AAAA' }
  ])
})

t.test('keeps parameters under canonical names, extensions apart, and drops what shapes the answer', async t => {
  const body = '{"model":"m","input":{"prompt":"hi"},"parameters":{"seed":18446744073709551615,"top_p":0.8,"top_k":50,"enable_search":true,' +
    '"result_format":"message","incremental_output":false,"stream":true,"max_tokens":7,"repetition_penalty":null}}'
  const headers = { 'x-dashscope-workspace': 'ws_1', 'x-dashscope-datainspection': 'enable', authorization: 'Bearer x' }
  const request = opened(callOf(body, headers)).parseRequest()
  t.equal(JSON.stringify(request.parameters), '{"seed":18446744073709551615,"top_p":0.8}')
  t.strictSame(request.extra, { top_k: 50, enable_search: true })
  t.equal(request.outputTokensMax, 7)
  t.strictSame(request.vendorHeaders, { 'X-DashScope-WorkSpace': 'ws_1', 'X-DashScope-DataInspection': 'enable' })
})

t.test('leaves the role of a retired service to upstreams that know it', async t => {
  const messages = [{ role: 'plugin', content: 'x' }, ...MESSAGES]
  const call = opened(callOf({ input: { messages } }))
  t.match(refusalOf(() => call.parseRequest()), { kind: 'unsupported_parameter', param: 'input.messages.[0].role' })
})

t.test('answers in the shape the model has by default, unless told', async t => {
  const events = [{ type: 'text-delta' as const, choice: 0, text: 'I' }]
  const defaults = { resultFormat: 'message' as const, incrementalOutput: true }
  const body = (parameters: object, rules = {}) => JSON.parse(opened(callOf({ parameters }), rules).renderResponse(events, REPLY).toString()).output
  t.strictSame(body({}), { text: 'I', finish_reason: 'stop' })
  t.match(body({}, { nativeDefaults: () => defaults }), { choices: [{ message: { content: 'I' } }] })
  t.match(body({ tools: TOOLS }), { choices: [{ message: { content: 'I' } }] })
  t.match(body({ result_format: 'text' }, { nativeDefaults: () => defaults }), { text: 'I' })
})

t.test('owns its paths', async t => {
  t.strictSame(dashscope.surface.prefixes, ['/api/'])
  t.strictSame([...dashscope.surface.recordedMembers], ['input', 'parameters'])
})

t.test('only a stream that is not incremental repeats its text', async t => {
  const cumulative = (parameters: object, headers: Record<string, string>) =>
    opened(callOf({ input: { prompt: 'hi' }, parameters }, headers)).envelope.cumulative
  const sse = { 'x-dashscope-sse': 'enable' }
  t.equal(cumulative({}, sse), true)
  t.equal(cumulative({ incremental_output: true }, sse), false)
  t.equal(cumulative({}, {}), false)
})

t.test('of two caps the smaller governs and the larger is what may be asked for', async t => {
  const asked = (parameters: object) => {
    const { outputTokensMax, outputTokensAsked } = opened(callOf({ input: { prompt: 'hi' }, parameters })).envelope
    return [outputTokensMax, outputTokensAsked]
  }
  t.same(asked({ max_tokens: 10, max_completion_tokens: 50 }), [10, 50])
  t.same(asked({ max_tokens: 50, max_completion_tokens: 10 }), [10, 50])
  t.same(asked({ max_completion_tokens: 7 }), [7, 7])
  t.same(asked({ max_tokens: 7 }), [7, 7])
})
