import t from 'tap'
import type { Test } from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { startGateway } from '../support/gateway.ts'
import type { Gateway, GatewayOptions } from '../support/gateway.ts'
import { MULTIMODAL_PATH, NATIVE_PATH, OPENAI_PATH, lastUpstreamBody, post } from '../support/http.ts'
import type { Reply } from '../support/http.ts'
import { eventsOf } from '../support/sse.ts'

type Side = 'openai' | 'dashscope'

const SIDES: readonly Side[] = ['dashscope', 'openai']
const SSE = { 'x-dashscope-sse': 'enable' }
const MESSAGES = [{ role: 'user', content: 'hi 你好' }]
const TOOLS = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }]
const TWO_CITIES = [{ role: 'user', content: 'What is the weather in Paris and in London?' }]

/** A gateway for one test, in front of an upstream that speaks `upstreamProtocol`. */
async function gatewayTo (t: Test, upstreamProtocol: Side, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const gateway = await startGateway({ upstreamProtocol, ...options })
  t.teardown(() => gateway.close())
  return gateway
}

async function openai (gateway: Gateway, body: object = {}): Promise<Reply> {
  return await post(gateway, OPENAI_PATH, { model: 'qwen-coder-turbo', messages: MESSAGES, ...body })
}

async function native (gateway: Gateway, parameters: object = {}, headers: Record<string, string> = {}): Promise<Reply> {
  return await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: MESSAGES }, parameters }, headers)
}

/** The JSON of a stream's events; what ends an OpenAI stream is none. */
function documentsOf (reply: Reply): any[] {
  return reply.events.filter(({ data }) => data !== undefined && data !== '[DONE]').map(({ data }) => JSON.parse(data ?? ''))
}

function upstreamMessages (gateway: Gateway, upstream: Side): any[] {
  return upstream === 'openai' ? lastUpstreamBody(gateway).messages : lastUpstreamBody(gateway).input.messages
}

t.test('12.1 a native stream begins with the exact frame, has no space behind data: and no [DONE]', async (t) => {
  for (const upstream of SIDES) {
    const { text } = await native(await gatewayTo(t, upstream), {}, SSE)
    t.ok(text.startsWith('id:1\nevent:result\n:HTTP_STATUS/200\ndata:{'), upstream)
    t.notMatch(text, /^data: /m)
    t.notMatch(text, /\[DONE\]/)
    t.ok(text.endsWith('}\n\n'))
  }
})

t.test('12.2 either header alone asks for a stream, and Accept: */* does not', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    t.ok((await native(gateway, {}, { ...SSE, accept: '' })).events.length > 1, 'X-DashScope-SSE')
    t.ok((await native(gateway, {}, { accept: 'text/event-stream' })).events.length > 1, 'Accept')
    t.type((await native(gateway, {}, { accept: '*/*' })).json.output.text, 'string')
  }
})

t.test('12.3 the Python SDK\'s body is answered as text, cumulative where it streams', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const texts = documentsOf(await native(gateway, { stream: true }, SSE)).map(({ output }) => output.text)
    t.ok(texts.length > 2)
    for (const [index, text] of texts.entries()) t.ok(text.startsWith(texts[index - 1] ?? ''), 'each has the one before it')
    t.equal(lastUpstreamBody(gateway).parameters?.stream, undefined, 'the SDK\'s own argument stays here')
  }
})

t.test('12.4 parameters may be missing, and tools beside them are ignored where the request is translated', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const bare = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: MESSAGES } })
    t.match(bare.json.output, { text: String, finish_reason: 'stop' })
    const misplaced = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: TWO_CITIES }, tools: TOOLS })
    if (upstream === 'openai') t.match(misplaced.json.output, { text: String, finish_reason: 'stop' }, 'no tool was called')
    // The same protocol's own service decides; the simulator is stricter than DashScope so that no client relies on it.
    else t.same([misplaced.status, lastUpstreamBody(gateway).tools], [400, TOOLS])
  }
})

t.test('12.5 cumulative tool calls grow, and the last frame has them whole', async (t) => {
  for (const upstream of SIDES) {
    const reply = await post(await gatewayTo(t, upstream), NATIVE_PATH, {
      model: 'qwen-plus', input: { messages: TWO_CITIES }, parameters: { result_format: 'message', incremental_output: false, tools: TOOLS }
    }, SSE)
    const calls = documentsOf(reply).map(({ output }) => output.choices[0].message.tool_calls?.[0]).filter((call) => call !== undefined)
    t.ok(calls.length > 1, `${upstream}: it came in pieces`)
    for (const [index, call] of calls.entries()) {
      t.match(call, { id: /./, index: 0, type: 'function', function: { name: 'get_weather', arguments: String } })
      t.ok(call.function.arguments.startsWith(calls[index - 1]?.function.arguments ?? ''))
    }
    t.type(JSON.parse(calls.at(-1).function.arguments), 'object')
    t.notMatch(reply.text, /null(?!")/, 'the word "null" and no null')
  }
})

t.test('12.6 parallel calls become two indexes with their ids on the openers only', async (t) => {
  const reply = await openai(await gatewayTo(t, 'dashscope'), {
    model: 'qwen-plus', messages: TWO_CITIES, tools: TOOLS, parallel_tool_calls: true, stream: true
  })
  const fragments = documentsOf(reply).flatMap(({ choices }) => choices[0].delta.tool_calls ?? [])
  t.same([...new Set(fragments.map(({ index }) => index))], [0, 1])
  for (const index of [0, 1]) {
    const [opener, ...rest] = fragments.filter((fragment) => fragment.index === index)
    t.match(opener, { id: /./, type: 'function', function: { name: 'get_weather' } })
    t.ok(rest.length > 0)
    for (const fragment of rest) t.same(Object.keys(fragment), ['index', 'function'])
  }
})

t.test('12.7 a last piece of arguments in the finishing frame is not lost', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    gateway.simulator.enqueue('arguments-in-finish')
    const reply = await openai(gateway, { model: 'qwen-plus', messages: TWO_CITIES, tools: TOOLS, stream: true })
    const choices = documentsOf(reply).flatMap(({ choices }) => choices)
    const text = choices.flatMap(({ delta }) => delta.tool_calls ?? []).map((call) => call.function.arguments ?? '').join('')
    t.type(JSON.parse(text), 'object', upstream)
    t.equal(choices.at(-1).finish_reason, 'tool_calls')
  }
})

t.test('12.8 a usage chunk behind the finish becomes one last native frame with both', async (t) => {
  const frames = documentsOf(await native(await gatewayTo(t, 'openai'), { result_format: 'message' }, SSE))
  const finished = frames.filter(({ output }) => output.choices[0].finish_reason !== 'null')
  t.equal(finished.length, 1)
  t.equal(finished[0], frames.at(-1))
  t.match(finished[0], { output: { choices: [{ finish_reason: 'stop' }] }, usage: { input_tokens: Number, output_tokens: Number } })
  t.ok(finished[0].usage.output_tokens > 0)
})

t.test('12.9 usage comes to those who ask: null in every chunk, then one with no choices', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const chunks = documentsOf(await openai(gateway, { stream: true, stream_options: { include_usage: true } }))
    const last = chunks.pop()
    t.same(last.choices, [])
    t.ok(last.usage.total_tokens > 0)
    t.ok(chunks.every(({ usage }) => usage === null))
    const unasked = documentsOf(await openai(gateway, { stream: true }))
    // On the byte lane the upstream's own null stays: taking it out would rewrite every chunk.
    if (upstream === 'dashscope') t.ok(unasked.every((chunk) => !('usage' in chunk)))
    else t.ok(unasked.every(({ usage, choices }) => (usage ?? null) === null && choices.length > 0))
  }
})

const REFUSED: Readonly<Record<Side, object>> = {
  dashscope: { code: 'InvalidParameter', message: 'Required body invalid, please check the request body format.' },
  openai: {
    error: {
      message: 'Required body invalid, please check the request body format.',
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_parameter_error'
    }
  }
}

t.test('12.10 a 400 framed as an event is a JSON 400 of the caller\'s protocol, with its code, its words and our id', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const surface of SIDES) {
      gateway.simulator.enqueue('error=400:sse')
      const reply = surface === 'openai' ? await openai(gateway, { stream: true }) : await native(gateway, {}, SSE)
      t.equal(reply.status, 400)
      t.equal(reply.headers.get('content-type'), 'application/json; charset=utf-8')
      t.same(reply.json, { ...REFUSED[surface], request_id: reply.headers.get('x-request-id') }, `${surface} from ${upstream}`)
    }
  }
})

const BROKEN: Readonly<Record<Side, readonly string[]>> = {
  dashscope: ['error-frame=429', 'error-data=500', 'eof'],
  openai: ['error-frame=429', 'error-data=500', 'error-finish=429', 'eof']
}

t.test('12.11 every way to break a stream is one error frame, without [DONE] and without a finish', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const fault of BROKEN[upstream]) {
      gateway.simulator.enqueue(fault)
      const asNative = await native(gateway, { result_format: 'message', incremental_output: true }, SSE)
      t.equal(asNative.text.match(/^event:error$/gm)?.length, 1, `${upstream} ${fault}`)
      t.notMatch(asNative.text, /"finish_reason":"(?!null)|\[DONE\]/)
      gateway.simulator.enqueue(fault)
      const asOpenai = await openai(gateway, { stream: true })
      t.equal(documentsOf(asOpenai).filter(({ error }) => error !== undefined).length, 1)
      t.notMatch(asOpenai.text, /"finish_reason":"|\[DONE\]|HTTP_STATUS/)
    }
  }
})

t.test('12.12 a 429 hands its retry-after on, and a spent quota says not to retry', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const ask of [() => openai(gateway), () => native(gateway)]) {
      gateway.simulator.enqueue('throttled=7')
      const throttled = await ask()
      t.same([throttled.status, throttled.headers.get('retry-after'), throttled.headers.get('x-should-retry')], [429, '7', null], upstream)
      gateway.simulator.enqueue('quota')
      const spent = await ask()
      t.same([spent.status, spent.headers.get('x-should-retry')], [429, 'false'])
    }
  }
})

t.test('12.13 what the client did not set is not set for it', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const ask of [() => openai(gateway), () => native(gateway)]) {
      await ask()
      const body = lastUpstreamBody(gateway)
      const named = Object.keys(upstream === 'openai' ? body : body.parameters)
      t.same(named.filter((name) => !['model', 'messages', 'stream', 'result_format'].includes(name)), [], upstream)
    }
  }
})

t.test('12.14 roles, parts, null content and tool answers are put as the upstream needs them', async (t) => {
  const calls = [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }]
  const messages = [
    { role: 'developer', content: 'be brief' },
    { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] },
    { role: 'assistant', content: null, tool_calls: calls },
    { role: 'tool', content: 'sunny', tool_call_id: 'call_1' }
  ]
  const toNative = await gatewayTo(t, 'dashscope')
  t.equal((await openai(toNative, { messages, tools: TOOLS })).status, 200)
  t.match(upstreamMessages(toNative, 'dashscope'), [
    { role: 'system' }, { content: 'a\nb' }, { content: '' }, { tool_call_id: 'call_1', name: 'get_weather' }
  ])
  const byName = [
    MESSAGES[0], { role: 'assistant', content: '', tool_calls: calls }, { role: 'tool', content: 'sunny', name: 'get_weather' }
  ]
  const toOpenai = await gatewayTo(t, 'openai')
  const reply = await post(toOpenai, NATIVE_PATH, {
    model: 'qwen-coder-turbo', input: { messages: byName }, parameters: { result_format: 'message', tools: TOOLS }
  })
  t.equal(reply.status, 200, reply.text)
  t.equal(upstreamMessages(toOpenai, 'openai').at(-1).tool_call_id, 'call_1')
})

t.test('12.15 history and prompt are alternating messages', async (t) => {
  const gateway = await gatewayTo(t, 'openai')
  await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { prompt: 'c', history: [{ user: 'a', bot: 'b' }] } })
  t.same(upstreamMessages(gateway, 'openai'), [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }])
})

t.test('12.16 the multimodal path answers text in parts', async (t) => {
  for (const upstream of SIDES) {
    const reply = await post(await gatewayTo(t, upstream), MULTIMODAL_PATH, {
      model: 'qwen-coder-turbo', input: { messages: [{ role: 'user', content: [{ text: 'hi' }] }] }
    })
    t.match(reply.json.output.choices[0].message.content, [{ text: String }], upstream)
  }
})

t.test('12.17 characters and line ends split between packets, and a line of a megabyte, change nothing', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const textOf = async (fault: string): Promise<string> => {
      if (fault !== '') gateway.simulator.enqueue(fault)
      return documentsOf(await openai(gateway, { stream: true })).map(({ choices }) => choices[0].delta.content ?? '').join('')
    }
    const sound = await textOf('')
    t.match(sound, /你好/)
    t.equal(await textOf('crlf,bytewise'), sound, upstream)
    t.equal((await textOf('giant=1048576')).length, sound.length + 1_048_576)
  }
})

t.test('12.18 a client that leaves cancels the upstream, and a silent upstream ends in an error frame', async (t) => {
  for (const upstream of SIDES) {
    const clock = createManualClock()
    const gateway = await gatewayTo(t, upstream, { upstreamYaml: 'timeouts: { idle: 41s }', deps: { clock } })
    gateway.simulator.enqueue('stall')
    const body = JSON.stringify({ model: 'qwen-coder-turbo', input: { messages: MESSAGES } })
    const headers = { ...SSE, authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' }
    const answer = await fetch(gateway.url + NATIVE_PATH, { method: 'POST', headers, body })
    // The head comes with the first event, so the wait for the next one has begun.
    clock.advance(41_000)
    t.match(eventsOf(await answer.text()).at(-1), { type: 'error', status: 504 }, upstream)
  }
  const gateway = await gatewayTo(t, 'dashscope')
  const ended = new Promise((resolve) => {
    gateway.simulator.script((record) => {
      // The simulator closes its record by assigning to it.
      Object.defineProperty(record, 'ending', { get: () => 'open', set: resolve, configurable: true })
      return 'stall'
    })
  })
  const leaving = new AbortController()
  const { body } = await fetch(gateway.url + OPENAI_PATH, {
    method: 'POST',
    signal: leaving.signal,
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'qwen-coder-turbo', messages: MESSAGES, stream: true })
  })
  await body?.getReader().read()
  leaving.abort()
  t.equal(await ended, 'client gone')
})

t.test('12.19 keys for encryption are not there, and encrypted input is refused', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  const keys = await fetch(`${gateway.dashscopeBaseUrl}/public-keys/latest`, { headers: { authorization: `Bearer ${gateway.apiKey}` } })
  t.equal(keys.status, 404)
  t.match(await keys.json(), { code: 'NotFound', message: String, request_id: /./ })
  const encrypted = await native(gateway, {}, { 'x-dashscope-encryptionkey': '{}' })
  t.equal(encrypted.status, 400)
  t.match(encrypted.json, { code: 'InvalidParameter', request_id: /./ })
})

t.test('12.20 token ids as stops pass to the compatible mode and are refused for OpenAI itself', async (t) => {
  const stop = [[108386, 103924]]
  const compatible = await gatewayTo(t, 'openai')
  t.equal((await native(compatible, { stop })).status, 200)
  t.same(lastUpstreamBody(compatible).stop, stop)
  const plain = await gatewayTo(t, 'openai', { upstreamYaml: 'quirks: { extensions: false }' })
  for (const reply of [await native(plain, { stop }), await openai(plain, { stop })]) t.equal(reply.status, 400)
  t.same(plain.simulator.requests, [])
})

t.test('an alias is answered by the catalog\'s name in the header, and in the body by whoever writes the body', async (t) => {
  const yaml = 'models: [{ name: qwen-coder-turbo, aliases: [coder] }]'
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream, { yaml })
    for (const stream of [false, true]) {
      const asOpenai = await openai(gateway, { model: 'coder', stream })
      t.equal(asOpenai.headers.get('x-dashgate-model'), 'qwen-coder-turbo')
      t.equal(lastUpstreamBody(gateway).model, 'qwen-coder-turbo', 'the upstream hears its own name for it')
      const names = (stream ? documentsOf(asOpenai) : [asOpenai.json]).map(({ model }) => model)
      t.same([...new Set(names)], [upstream === 'openai' ? 'qwen-coder-turbo' : 'coder'], `${upstream}, ${stream ? 'streamed' : 'whole'}`)
      const asNative = await post(gateway, NATIVE_PATH, { model: 'coder', input: { messages: MESSAGES } }, stream ? SSE : {})
      t.equal(asNative.headers.get('x-dashgate-model'), 'qwen-coder-turbo', 'and there is no model in a native body')
    }
  }
})
