import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import type { Gateway, GatewayOptions } from '../support/gateway.ts'
import { MULTIMODAL_PATH, NATIVE_PATH, OPENAI_PATH, lastUpstreamBody, post } from '../support/http.ts'
import type { Reply } from '../support/http.ts'

// What other translators between these protocols got wrong, by the numbers under which their issues were collected. Each is
// a test here, or a reason why a gateway cannot make the mistake.

const NOT_OURS: Readonly<Record<string, string>> = {
  B7: 'Models that stream in increments only: nothing else is ever asked of an upstream that is translated (B6).',
  B11: 'An error frame read as an empty chunk: the same mistake as B9, at the other end.',
  B16: 'Taking cumulative frames apart by subtraction: increments are asked for (B6), so there is nothing to subtract.',
  B36: 'Prose that has incremental_output the wrong way round: the wire is followed (B5, B6), not the prose.'
}
const FAILURES = 36

type Side = 'openai' | 'dashscope'

const SIDES: readonly Side[] = ['dashscope', 'openai']
const SSE = { 'x-dashscope-sse': 'enable' }
const MESSAGES = [{ role: 'user', content: 'hi 你好' }]
const TWO_CITIES = [{ role: 'user', content: 'What is the weather in Paris and in London?' }]
const TOOLS = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }]
const CALLING = { model: 'qwen-plus', messages: TWO_CITIES, tools: TOOLS, parallel_tool_calls: true, stream: true }

const tested = new Set<string>()

function failure (number: string, name: string, test: (t: Test) => Promise<void>): void {
  tested.add(number)
  t.test(`${number}: ${name}`, test)
}

async function gatewayTo (t: Test, upstreamProtocol: Side, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const gateway = await startGateway({ upstreamProtocol, ...options })
  t.teardown(() => gateway.close())
  return gateway
}

async function openai (gateway: Gateway, body: object = {}, headers: Record<string, string> = {}): Promise<Reply> {
  return await post(gateway, OPENAI_PATH, { model: 'qwen-coder-turbo', messages: MESSAGES, ...body }, headers)
}

async function native (gateway: Gateway, parameters: object = {}, headers: Record<string, string> = SSE): Promise<Reply> {
  return await post(gateway, NATIVE_PATH, {
    model: 'qwen-coder-turbo', input: { messages: MESSAGES }, parameters: { result_format: 'message', ...parameters }
  }, headers)
}

function documentsOf (reply: Reply): any[] {
  return reply.events.filter(({ data }) => data !== undefined && data !== '[DONE]').map(({ data }) => JSON.parse(data ?? ''))
}

interface SeenCall { ids: string[], name: string, arguments: string }

/** What a client that merges by index makes of the calls of an OpenAI stream. */
function callsIn (reply: Reply): SeenCall[] {
  const calls: SeenCall[] = []
  for (const { choices } of documentsOf(reply)) {
    for (const fragment of choices[0]?.delta.tool_calls ?? []) {
      const call = calls[fragment.index] ??= { ids: [], name: '', arguments: '' }
      if ('id' in fragment) call.ids.push(fragment.id)
      call.name += fragment.function.name ?? ''
      call.arguments += fragment.function.arguments
    }
  }
  return calls
}

function assertTwoCalls (t: Test, calls: readonly SeenCall[], label: string): void {
  t.same(calls.map(({ name }) => name), ['get_weather', 'get_weather'], label)
  t.same(calls.map((call) => JSON.parse(call.arguments)), [{ city: 'Paris' }, { city: 'London' }], label)
  t.equal(new Set(calls.flatMap(({ ids }) => ids)).size, 2, `${label}: an id each`)
}

/** An upstream that answers one body to everything. */
async function cannedUpstream (t: Test, body: object): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => { response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

failure('B1', 'tools stand among the parameters and nowhere else', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  t.equal((await openai(gateway, { ...CALLING, stream: false })).status, 200, 'the simulator refuses unknown keys beside the three')
  t.same(Object.keys(lastUpstreamBody(gateway)).sort(), ['input', 'model', 'parameters'])
  t.same(lastUpstreamBody(gateway).parameters.tools, TOOLS)
})

failure('B2', 'options have an effect: they stand where the upstream looks', async (t) => {
  const options = { max_tokens: 5, temperature: 0.5, top_p: 0.9, stop: ['x'], presence_penalty: 1, tools: TOOLS, tool_choice: 'none', seed: 7 }
  const toNative = await gatewayTo(t, 'dashscope')
  const cut = await openai(toNative, options)
  t.match(lastUpstreamBody(toNative).parameters, options)
  t.match(cut.json, { choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 5 } })
  const toOpenai = await gatewayTo(t, 'openai')
  await native(toOpenai, options, {})
  t.match(lastUpstreamBody(toOpenai), options)
})

failure('B3', 'an unset top_p stays absent', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    await openai(gateway)
    t.notOk('top_p' in (lastUpstreamBody(gateway).parameters ?? lastUpstreamBody(gateway)), upstream)
  }
})

failure('B4', 'no default is put in, and a top_p of 1 is the client\'s own', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  await openai(gateway)
  t.same(lastUpstreamBody(gateway).parameters, { result_format: 'message' })
  t.equal((await openai(gateway, { top_p: 1 })).status, 200)
  t.equal(lastUpstreamBody(gateway).parameters.top_p, 1)
})

failure('B5', 'tools stream in increments and come out whole, whichever way the client wants them', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    assertTwoCalls(t, callsIn(await openai(gateway, CALLING)), upstream)
    for (const incremental of [true, false]) {
      const reply = await post(gateway, NATIVE_PATH, {
        model: 'qwen-plus',
        input: { messages: TWO_CITIES },
        parameters: { result_format: 'message', tools: TOOLS, parallel_tool_calls: true, incremental_output: incremental }
      }, SSE)
      const frames = documentsOf(reply).map(({ output }) => output.choices[0].message.tool_calls ?? [])
      const text = (index: number): string => {
        const pieces = frames.flat().filter((call) => call.index === index).map((call) => call.function.arguments ?? '')
        return incremental ? pieces.join('') : pieces.at(-1)
      }
      t.same([JSON.parse(text(0)), JSON.parse(text(1))], [{ city: 'Paris' }, { city: 'London' }], `${upstream} ${incremental}`)
    }
  }
})

failure('B6', 'no chunk of an OpenAI stream repeats what was said', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  const text = documentsOf(await openai(gateway, { stream: true })).map(({ choices }) => choices[0].delta.content ?? '').join('')
  t.equal(lastUpstreamBody(gateway).parameters.incremental_output, true)
  t.equal(text, (await openai(gateway)).json.choices[0].message.content)
})

failure('B8', 'incremental_output is not sent without a stream', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  t.equal((await openai(gateway, { incremental_output: true })).status, 200)
  t.notOk('incremental_output' in lastUpstreamBody(gateway).parameters)
})

failure('B9', 'an error event is no clean, empty answer', async (t) => {
  const gateway = await gatewayTo(t, 'dashscope')
  gateway.simulator.enqueue('error-frame=500:1')
  const reply = await openai(gateway, { stream: true })
  t.notMatch(reply.text, /\[DONE\]/)
  t.match(documentsOf(reply).at(-1) ?? reply.json, { error: { message: String, code: String } })
})

failure('B10', 'an error in a stream of the compatible mode is never the assistant\'s words', async (t) => {
  const gateway = await gatewayTo(t, 'openai')
  for (const fault of ['error-frame=429', 'error-data=429', 'error-finish=429']) {
    for (const ask of [() => openai(gateway, { stream: true }), () => native(gateway)]) {
      gateway.simulator.enqueue(fault)
      const reply = await ask()
      t.notMatch(reply.text, /HTTP_STATUS\/429[^\n]*\\n|\[DONE\]/, fault)
      const last = documentsOf(reply).at(-1)
      t.match(last.error ?? last, { code: /./, message: /./ })
    }
  }
})

failure('B12', 'a flat error is understood where a nested one is expected', async (t) => {
  const gateway = await gatewayTo(t, 'openai')
  gateway.simulator.enqueue('error=400:flat')
  const reply = await openai(gateway)
  t.match(reply, { status: 400, json: { error: { message: /./, code: 'invalid_parameter_error' }, request_id: /./ } })
})

failure('B13', 'every error names its request, and the log knows the upstream\'s id for it', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const fault of ['error=400', 'error-frame=500', 'eof']) {
      for (const ask of [() => openai(gateway, { stream: true }), () => native(gateway)]) {
        gateway.simulator.enqueue(fault)
        const reply = await ask()
        const error = documentsOf(reply).at(-1) ?? reply.json
        t.equal(error.request_id, reply.headers.get('x-request-id'), `${upstream} ${fault}`)
        t.match(JSON.parse(gateway.logLines.at(-1) ?? ''), { requestId: error.request_id, upstreamRequestId: /./ })
      }
    }
  }
})

failure('B14', 'fragments without a name belong to their call', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const fault of ['names-empty', 'names-null']) {
      gateway.simulator.enqueue(fault)
      assertTwoCalls(t, callsIn(await openai(gateway, CALLING)), `${upstream} ${fault}`)
    }
  }
})

failure('B15', 'parallel calls are told apart by index and not by id', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    gateway.simulator.enqueue('ids-repeated')
    const calls = callsIn(await openai(gateway, CALLING))
    assertTwoCalls(t, calls, upstream)
  }
})

failure('B17', 'continuations have neither an empty id, nor a null', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const fault of ['names-null', 'arguments-null']) {
      gateway.simulator.enqueue(fault)
      const reply = await openai(gateway, CALLING)
      const fragments = documentsOf(reply).flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? [])
      t.ok(fragments.length > 2)
      t.notMatch(JSON.stringify(fragments), /null|"id":""|"name":""/, `${upstream} ${fault}`)
    }
  }
})

failure('B18', 'a finish with an empty message is seen', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const ask of [() => openai(gateway, { stream: true }), () => native(gateway)]) {
      gateway.simulator.enqueue('empty-finish')
      const reply = await ask()
      const last = documentsOf(reply).flatMap((document) => document.choices ?? document.output.choices).at(-1)
      t.equal(last.finish_reason, 'stop', upstream)
    }
  }
})

failure('B19', 'a call that was cut short ends once, with its own reason', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const reply = await openai(gateway, { ...CALLING, max_tokens: 3 })
    const reasons = documentsOf(reply).flatMap(({ choices }) => choices).map((choice) => choice.finish_reason).filter((reason) => reason !== null)
    t.same(reasons, ['length'], upstream)
  }
})

failure('B20', 'cached tokens are not lost among the details', async (t) => {
  const message = { role: 'assistant', content: 'hi' }
  const fromOpenai = await cannedUpstream(t, {
    choices: [{ message, finish_reason: 'stop', index: 0 }],
    usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10, prompt_tokens_details: { cached_tokens: 4 } }
  })
  const fromNative = await cannedUpstream(t, {
    output: { choices: [{ message, finish_reason: 'stop' }] },
    usage: { input_tokens: 9, output_tokens: 1, total_tokens: 10, prompt_tokens_details: { cached_tokens: 4 } },
    request_id: 'r'
  })
  for (const [upstream, upstreamOrigin] of [['openai', fromOpenai], ['dashscope', fromNative]] as const) {
    const gateway = await gatewayTo(t, upstream, { upstreamOrigin })
    const asOpenai = await openai(gateway)
    t.equal(asOpenai.json.usage.prompt_tokens_details.cached_tokens, 4, upstream)
    t.equal((await native(gateway, {}, {})).json.usage.prompt_tokens_details.cached_tokens, 4, upstream)
    const record = await fetch(`${gateway.url}/dashgate/v1/requests/${asOpenai.headers.get('x-request-id')}`, { headers: { 'x-api-key': gateway.apiKey } })
    t.equal((await record.json() as any).usage.cached_tokens, 4, 'and in the ledger')
  }
})

failure('B21', 'the answer has its usage and the model\'s name as the client said it', async (t) => {
  const yaml = 'models: [{ name: house-model, aliases: [nickname], context_tokens: 32768, output_tokens_max: 8192, targets: [{ upstream: sim, model: qwen-coder-turbo }] }]'
  const gateway = await gatewayTo(t, 'dashscope', { yaml })
  for (const model of ['house-model', 'nickname']) {
    const { json } = await openai(gateway, { model })
    t.match(json, { model, usage: { prompt_tokens: Number, completion_tokens: Number } })
    t.equal(lastUpstreamBody(gateway).model, 'qwen-coder-turbo')
  }
})

failure('B22', 'the usage chunk has no choices', async (t) => {
  for (const upstream of SIDES) {
    const chunks = documentsOf(await openai(await gatewayTo(t, upstream), { stream: true, stream_options: { include_usage: true } }))
    t.same(chunks.filter(({ usage }) => usage !== null).map(({ choices }) => choices), [[]], upstream)
  }
})

failure('B23', 'a stream has one id and one time', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const chunks = documentsOf(await openai(gateway, { stream: true, stream_options: { include_usage: true } }))
    t.equal(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size, 1, upstream)
    t.equal(new Set(documentsOf(await native(gateway)).map(({ request_id: id }) => id)).size, 1, upstream)
  }
})

failure('B24', 'every choice is translated', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const choices of [(await openai(gateway, { n: 3 })).json.choices, (await native(gateway, { n: 3 }, {})).json.output.choices]) {
      t.equal(choices.length, 3, upstream)
      t.ok(choices.every(({ message }: any) => message.content.length > 0))
    }
    const streamed = documentsOf(await openai(gateway, { n: 3, stream: true })).flatMap(({ choices }) => choices)
    t.same(streamed.filter((choice) => choice.finish_reason === 'stop').map(({ index }) => index).sort(), [0, 1, 2])
  }
})

failure('B25', 'a data line of megabytes is not cut', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    gateway.simulator.enqueue('giant=4194304')
    const reply = await openai(gateway, { stream: true })
    t.ok(reply.text.endsWith('data: [DONE]\n\n'), upstream)
    t.equal(documentsOf(reply).map(({ choices }) => choices[0].delta.content ?? '').join('').match(/x{1000,}/)?.[0].length, 4_194_304)
  }
})

failure('B26', 'an increment too long for a line of 128 KiB is cut into several', async (t) => {
  const gateway = await gatewayTo(t, 'openai')
  gateway.simulator.enqueue('giant=1048576')
  const reply = await native(gateway, { incremental_output: true })
  const longestBytes = Math.max(...reply.text.split('\n').map((line) => Buffer.byteLength(line)))
  t.ok(longestBytes <= 131_072, String(longestBytes))
  t.equal(documentsOf(reply).map(({ output }) => output.choices[0].message.content).join('').match(/x{1000,}/)?.[0].length, 1_048_576)
})

failure('B27', 'a model that only streams answers in one piece those who want one', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream, { upstreamYaml: 'quirks: { stream_only: true }' })
    const plain = await gatewayTo(t, upstream)
    const asOpenai = await openai(gateway)
    t.match(asOpenai.json, { object: 'chat.completion', choices: [{ finish_reason: 'stop' }], usage: { total_tokens: Number } }, upstream)
    t.equal(asOpenai.json.choices[0].message.content, (await openai(plain)).json.choices[0].message.content)
    const asked = upstream === 'openai' ? lastUpstreamBody(gateway).stream : gateway.simulator.requests.at(-1)?.headers['x-dashscope-sse']
    t.equal(asked, upstream === 'openai' ? true : 'enable')
    t.match((await native(gateway, {}, {})).json.output.choices[0], { finish_reason: 'stop', message: { content: String } })
  }
})

failure('B28', 'whether a model thinks is the client\'s to say', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    const sent = (): any => lastUpstreamBody(gateway).parameters ?? lastUpstreamBody(gateway)
    for (const thinking of [true, false]) {
      await openai(gateway, { model: 'qwen-plus', enable_thinking: thinking, stream: true })
      t.equal(sent().enable_thinking, thinking, upstream)
    }
    await openai(gateway, { model: 'qwen-plus', stream: true })
    t.notOk('enable_thinking' in sent())
  }
})

failure('B29', 'the role developer is sent as system', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    t.equal((await openai(gateway, { messages: [{ role: 'developer', content: 'be brief' }, ...MESSAGES] })).status, 200)
    t.equal((lastUpstreamBody(gateway).input ?? lastUpstreamBody(gateway)).messages[0].role, 'system', upstream)
  }
})

failure('B30', 'an assistant message has its content, if only an empty one', async (t) => {
  const calls = [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }]
  const answer = { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const content of [{ content: null }, {}]) {
      const reply = await openai(gateway, { messages: [...MESSAGES, { role: 'assistant', ...content, tool_calls: calls }, answer], tools: TOOLS })
      t.equal(reply.status, 200, reply.text)
      t.equal((lastUpstreamBody(gateway).input ?? lastUpstreamBody(gateway)).messages[1].content, '', upstream)
    }
  }
})

failure('B31', 'tool_choice required is passed on, eased or refused, as configured', async (t) => {
  for (const upstream of SIDES) {
    for (const [policy, sent] of [['pass', 'required'], ['auto', 'auto'], ['reject', undefined]] as const) {
      const gateway = await gatewayTo(t, upstream, { upstreamYaml: `quirks: { tool_choice_required: ${policy} }` })
      for (const ask of [() => openai(gateway, { tools: TOOLS, tool_choice: 'required' }), () => native(gateway, { tools: TOOLS, tool_choice: 'required' }, {})]) {
        const reply = await ask()
        t.equal(reply.status === 400 && gateway.simulator.requests.length === 0, policy === 'reject', `${upstream} ${policy}`)
        if (sent !== undefined) t.equal((lastUpstreamBody(gateway).parameters ?? lastUpstreamBody(gateway)).tool_choice, sent)
      }
    }
  }
})

failure('B32', 'the workspace travels, and the client\'s own goes before the key\'s', async (t) => {
  for (const upstream of SIDES) {
    const plain = await gatewayTo(t, upstream)
    const yaml = [
      '  - name: house',
      `    protocol: ${upstream}`,
      `    base_url: ${plain.simulator.url}${upstream === 'openai' ? '/v1' : '/api/v1'}`,
      '    keys: [{ key: sk-house-key-of-the-tests, workspace: ws_house }]',
      'models: [{ name: m, context_tokens: 32768, output_tokens_max: 8192, targets: [{ upstream: house, model: qwen-coder-turbo }] }]'
    ].join('\n')
    const gateway = await gatewayTo(t, upstream, { yaml })
    const seen = (): unknown => plain.simulator.requests.at(-1)?.headers['x-dashscope-workspace']
    for (const [path, body] of [[OPENAI_PATH, { messages: MESSAGES }], [NATIVE_PATH, { input: { messages: MESSAGES } }]] as const) {
      t.equal((await post(gateway, path, { model: 'm', ...body })).status, 200)
      t.equal(seen(), 'ws_house', `${upstream} ${path}`)
      t.equal((await post(gateway, path, { model: 'm', ...body }, { 'X-DashScope-WorkSpace': 'ws_client' })).status, 200)
      t.equal(seen(), 'ws_client', `${upstream} ${path}`)
    }
  }
})

failure('B33', 'a path is put behind its base once, and the compatible mode\'s own path is served', async (t) => {
  const paths = { openai: '/compatible-mode/v1/chat/completions', dashscope: NATIVE_PATH }
  for (const upstream of SIDES) {
    const inner = await gatewayTo(t, upstream)
    const base = inner.simulator.url + (upstream === 'openai' ? '/compatible-mode/v1/' : '/api/v1/')
    const yaml = [
      '  - { name: slashed, protocol: ' + upstream + ', base_url: "' + base + '", keys: [sk-slashed-key-of-the-tests] }',
      'models: [{ name: m, context_tokens: 32768, output_tokens_max: 8192, targets: [{ upstream: slashed, model: qwen-coder-turbo }] }]'
    ].join('\n')
    const gateway = await gatewayTo(t, upstream, { yaml })
    t.equal((await openai(gateway, { model: 'm' })).status, 200)
    t.equal(inner.simulator.requests.at(-1)?.path, paths[upstream])
    t.equal((await post(gateway, '/compatible-mode/v1/chat/completions', { model: 'm', messages: MESSAGES })).status, 200)
  }
})

failure('B34', 'each model is asked for at the service that has it, whichever path the client took', async (t) => {
  const yaml = 'models: [{ name: qwen-vl-max, context_tokens: 32768, output_tokens_max: 8192 }]'
  const gateway = await gatewayTo(t, 'dashscope', { yaml })
  await openai(gateway)
  t.equal(gateway.simulator.requests.at(-1)?.path, NATIVE_PATH)
  await openai(gateway, { model: 'qwen-vl-max' })
  t.equal(gateway.simulator.requests.at(-1)?.path, MULTIMODAL_PATH)
})

failure('B35', 'an error inside a 200 counts as a failure', async (t) => {
  for (const upstream of SIDES) {
    const gateway = await gatewayTo(t, upstream)
    for (const fault of ['error-data=500', 'ok-error']) {
      gateway.simulator.enqueue(fault)
      const reply = await openai(gateway, { stream: true })
      t.notMatch(reply.text, /\[DONE\]/)
      t.match(JSON.parse(gateway.logLines.at(-1) ?? ''), { outcome: 'failed', errorKind: /^upstream_/ }, `${upstream} ${fault}`)
    }
  }
})

t.test('every one of them is tested or said to be none of ours', async (t) => {
  const all = Array.from({ length: FAILURES }, (_, index) => `B${index + 1}`)
  t.same(all.filter((number) => tested.has(number) === number in NOT_OURS), [])
})
