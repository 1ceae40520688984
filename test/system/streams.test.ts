import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { NATIVE_PATH, OPENAI_PATH, post } from '../support/http.ts'
import type { Gateway } from '../support/gateway.ts'
import type { Reply } from '../support/http.ts'

type Side = 'openai' | 'dashscope'

const MESSAGES = [{ role: 'user', content: 'hi 你好' }]

function streamFrom (gateway: Gateway, surface: Side, parameters: object = {}): Promise<Reply> {
  return surface === 'openai'
    ? post(gateway, OPENAI_PATH, { model: 'qwen-coder-turbo', messages: MESSAGES, stream: true, ...parameters })
    : post(gateway, NATIVE_PATH, {
      model: 'qwen-coder-turbo', input: { messages: MESSAGES }, parameters: { result_format: 'message', incremental_output: true, ...parameters }
    }, { 'x-dashscope-sse': 'enable' })
}

interface Seen { text: string, reasoning: string, finishes: string[], errors: any[], done: number, usage: any }

/** What a client of that protocol makes of a stream. */
function read (surface: Side, reply: Reply): Seen {
  const seen: Seen = { text: '', reasoning: '', finishes: [], errors: [], done: 0, usage: undefined }
  for (const event of reply.events) {
    if (event.data === undefined) continue
    if (event.data === '[DONE]') { seen.done++; continue }
    const data = JSON.parse(event.data)
    if (surface === 'openai') {
      if (data.error !== undefined) { seen.errors.push(data.error); continue }
      for (const choice of data.choices) {
        seen.text += choice.delta.content ?? ''
        seen.reasoning += choice.delta.reasoning_content ?? ''
        if (choice.finish_reason !== null) seen.finishes.push(choice.finish_reason)
      }
      seen.usage = data.usage ?? seen.usage
    } else {
      if (event.type === 'error') { seen.errors.push({ ...data, status: event.status }); continue }
      for (const choice of data.output.choices) {
        seen.text += choice.message.content ?? ''
        seen.reasoning += choice.message.reasoning_content ?? ''
        if (choice.finish_reason !== 'null') seen.finishes.push(choice.finish_reason)
      }
      seen.usage = data.usage ?? seen.usage
    }
  }
  return seen
}

/** Ends of an answer that are no success, and in which dialects an upstream can produce them. */
const FAILING: readonly { readonly fault: string, readonly upstreams?: readonly Side[] }[] = [
  { fault: 'eof' },
  { fault: 'reset' },
  { fault: 'cut' },
  { fault: 'error-frame=429' },
  { fault: 'error-frame=500' },
  { fault: 'error-data=500' },
  { fault: 'error-finish=429', upstreams: ['openai'] },
  { fault: 'malformed' }
]

/** Oddities of a sound answer that no client may notice. */
const HARMLESS = ['crlf', 'bytewise', 'bom', 'comments=200', 'fields', 'empty-finish', 'usage-twice', 'unterminated', 'giant=1048576']

for (const upstream of ['dashscope', 'openai'] as const) {
  for (const surface of ['openai', 'dashscope'] as const) {
    t.test(`${surface} streams from ${upstream}`, async (t) => {
      const gateway = await startGateway({ upstreamProtocol: upstream })
      t.teardown(() => gateway.close())
      const whole = await streamFrom(gateway, surface, surface === 'openai' ? { stream_options: { include_usage: true } } : {})
      const sound = read(surface, whole)

      await t.test('a sound stream ends once, with its usage in the right place', async (t) => {
        t.equal(whole.status, 200)
        t.ok(sound.text.includes('hi 你好'))
        t.same(sound.finishes, ['stop'])
        t.same(sound.errors, [])
        t.equal(sound.done, surface === 'openai' ? 1 : 0)
        const last = JSON.parse(whole.events.filter((event) => event.data !== '[DONE]').at(-1)?.data ?? '')
        if (surface === 'openai') {
          t.same(last.choices, [], 'the usage has a chunk of its own')
          t.ok(last.usage.total_tokens > 0)
          t.ok(whole.text.endsWith('data: [DONE]\n\n'))
        } else {
          t.equal(last.output.choices[0].finish_reason, 'stop')
          t.ok(last.usage.output_tokens > 0, 'the usage is in the finishing frame')
          t.ok(whole.text.startsWith('id:1\nevent:result\n:HTTP_STATUS/200\ndata:{'), 'the exact native frame')
          t.notOk(whole.text.includes('data: '))
        }
      })

      for (const { fault, upstreams } of FAILING) {
        if (upstreams !== undefined && !upstreams.includes(upstream)) continue
        await t.test(`${fault} becomes one error of the caller's dialect and no success`, async (t) => {
          gateway.simulator.enqueue(fault)
          const reply = await streamFrom(gateway, surface)
          const seen = read(surface, reply)
          t.equal(reply.status, 200, 'the head was out')
          t.equal(seen.errors.length, 1)
          t.equal(seen.done, 0)
          t.same(seen.finishes, [])
          t.ok(sound.text.startsWith(seen.text), 'no error text among the answer')
          t.type(seen.errors[0].message, 'string')
          if (fault.endsWith('=429')) t.match(seen.errors[0], surface === 'openai' ? { code: String } : { status: 429, code: /^Throttling/ })
          t.equal(reply.events.at(-1)?.type, surface === 'openai' ? '' : 'error', 'and nothing after it')
        })
      }

      await t.test('an error instead of a first event is an HTTP error', async (t) => {
        for (const fault of ['error-frame=429:0', 'ok-error', 'error=400', 'error=400:sse', 'error=500:html', 'eof=0', 'redirect', 'gzip']) {
          gateway.simulator.enqueue(fault)
          const reply = await streamFrom(gateway, surface)
          t.ok(reply.status >= 400, `${fault}: ${reply.status}`)
          t.equal(reply.headers.get('content-type'), 'application/json; charset=utf-8')
          if (surface === 'openai') t.match(reply.json, { error: { message: String, type: String } }, fault)
          else t.match(reply.json, { code: String, message: String, request_id: String }, fault)
          t.notMatch(reply.text, /<html>/)
        }
      })

      for (const fault of HARMLESS) {
        await t.test(`${fault} changes nothing`, async (t) => {
          gateway.simulator.enqueue(fault)
          const reply = await streamFrom(gateway, surface)
          const seen = read(surface, reply)
          t.same(seen.errors, [])
          if (surface === 'openai') t.notMatch(reply.text, /^(?!data:|[:\r]|$)/m, 'nothing but data and comments')
          t.notMatch(reply.text, /^data:? ?\r?$/m)
          // The byte lane hands a terminal frame on as often as it comes; its readers end at the first.
          t.same([...new Set(seen.finishes)], ['stop'])
          t.equal(seen.text.replace(/x{1000,}/, ''), sound.text)
        })
      }
    })
  }
}

t.test('on the byte lane a stream is the upstream\'s bytes', async (t) => {
  for (const side of ['dashscope', 'openai'] as const) {
    const gateway = await startGateway({ upstreamProtocol: side })
    t.teardown(() => gateway.close())
    const body = side === 'openai'
      ? { model: 'qwen-coder-turbo', messages: MESSAGES, stream: true, stream_options: { include_usage: true } }
      : { model: 'qwen-coder-turbo', input: { messages: MESSAGES }, parameters: { incremental_output: true } }
    const path = side === 'openai' ? OPENAI_PATH : NATIVE_PATH
    const direct = await post({ url: gateway.simulator.url, apiKey: 'sk-upstream' }, path, body, { 'x-dashscope-sse': 'enable' })
    const relayed = await post(gateway, path, body, { 'x-dashscope-sse': 'enable' })
    t.equal(anonymous(relayed.text), anonymous(direct.text), side)
  }
})

/** Ids and times differ between two runs; everything else may not. */
function anonymous (text: string): string {
  return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/"created":\d+/g, '"created":0')
}

t.test('an OpenAI client that did not ask for usage gets no usage chunk, and the gateway has the count all the same', async (t) => {
  const gateway = await startGateway({ upstreamProtocol: 'openai' })
  t.teardown(() => gateway.close())
  const reply = await streamFrom(gateway, 'openai')
  t.ok(reply.events.every((event) => event.data === '[DONE]' || JSON.parse(event.data ?? '').choices.length > 0))
  const record = await requestRecord(gateway, reply)
  t.equal(record.usage.source, 'reported')
  t.ok(record.usage.output_tokens > 0)
})

t.test('cumulative native output repeats what was said, and its last frame is the whole answer', async (t) => {
  for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    const reply = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: MESSAGES } }, { accept: 'text/event-stream' })
    const texts = reply.events.map((event) => JSON.parse(event.data ?? '').output.text as string)
    t.ok(texts.length > 2)
    for (const [index, text] of texts.slice(1).entries()) t.ok(text.startsWith(texts[index] ?? '?'), 'each begins with the one before')
    const once = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: MESSAGES } })
    t.equal(texts.at(-1), once.json.output.text)
  }
})

t.test('tool calls arrive in fragments that add up, whatever the upstream does to ids and names', async (t) => {
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }]
  const messages = [{ role: 'user', content: 'What is the weather in London and in Paris?' }]
  for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    for (const fault of ['', 'names-empty', 'names-null', 'ids-repeated', 'arguments-null', 'arguments-in-finish']) {
      if (fault !== '') gateway.simulator.enqueue(fault)
      const reply = await post(gateway, OPENAI_PATH, { model: 'qwen-plus', messages, tools, parallel_tool_calls: true, stream: true })
      const calls: { id?: string, name: string, arguments: string, openers: number }[] = []
      let finish: string | undefined
      for (const event of reply.events) {
        if (event.data === '[DONE]') continue
        const choice = JSON.parse(event.data ?? '').choices[0]
        finish = choice.finish_reason ?? finish
        for (const fragment of choice.delta.tool_calls ?? []) {
          const call = calls[fragment.index] ??= { name: '', arguments: '', openers: 0 }
          if (fragment.id !== undefined) { call.id = fragment.id; if (fragment.function.name !== undefined) call.openers++ }
          call.name += fragment.function.name ?? ''
          call.arguments += fragment.function.arguments
        }
      }
      t.equal(finish, 'tool_calls', `${upstreamProtocol} ${fault}`)
      t.equal(calls.length, 2)
      t.same(calls.map((call) => call.name), ['get_weather', 'get_weather'], `${upstreamProtocol} ${fault}`)
      for (const call of calls) t.type(JSON.parse(call.arguments), 'object')
      t.not(calls[0]?.id, calls[1]?.id)
    }
  }
})

async function requestRecord (gateway: Gateway, reply: Reply): Promise<any> {
  const response = await fetch(`${gateway.url}/dashgate/v1/requests/${reply.headers.get('x-request-id')}`, { headers: { 'x-api-key': gateway.apiKey } })
  return await response.json()
}
