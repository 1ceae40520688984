import t from 'tap'
import { bodyOf, PATHS, streamed, upstreamParameters } from '../support/parameters.ts'
import { startGateway } from '../support/gateway.ts'
import { MULTIMODAL_PATH, NATIVE_PATH, OPENAI_PATH, lastUpstreamBody, post } from '../support/http.ts'
import type { Gateway } from '../support/gateway.ts'
import type { Side } from '../support/parameters.ts'

/**
 * Every parameter of the vendor's page, in each direction: what goes in at a surface must come out at the upstream under
 * its protocol's name and place, to the letter. Values are JSON text, because a 64-bit seed is no JavaScript number.
 */
interface Row {
  readonly name: string
  readonly value: string
  /** Other members the parameter needs beside it. */
  readonly also?: string
}

const TOOLS = '[{"type":"function","function":{"name":"get_current_weather","description":"Get the weather","parameters":{"type":"object","properties":{"location":{"type":"string"}},"required":["location"]}}}]'

const ACCEPTED: readonly Row[] = [
  { name: 'temperature', value: '0' },
  { name: 'temperature', value: '1.99' },
  { name: 'top_p', value: '0.8' },
  { name: 'top_p', value: '1.0' },
  { name: 'presence_penalty', value: '-2.0' },
  { name: 'presence_penalty', value: '2' },
  { name: 'frequency_penalty', value: '1.5' },
  { name: 'repetition_penalty', value: '1.05' },
  { name: 'max_tokens', value: '1' },
  { name: 'max_tokens', value: '8192' },
  { name: 'seed', value: '0' },
  { name: 'seed', value: '9007199254740993' },
  { name: 'seed', value: '9223372036854775808' },
  { name: 'seed', value: '18446744073709551615' },
  { name: 'stop', value: '"你好"' },
  { name: 'stop', value: '["你好","天气"]' },
  { name: 'stop', value: '[108386,104307]' },
  { name: 'stop', value: '[[108386,103924],[35946,101243]]' },
  { name: 'top_k', value: '50' },
  { name: 'n', value: '2' },
  { name: 'tools', value: TOOLS },
  { name: 'tool_choice', value: '"none"', also: `"tools":${TOOLS}` },
  { name: 'response_format', value: '{"type":"text"}' },
  { name: 'enable_search', value: 'false' },
  { name: 'enable_thinking', value: 'false' },
  { name: 'parallel_tool_calls', value: 'true', also: `"tools":${TOOLS}` }
]

/** Both switch top_k off. They travel as they are where the upstream knows the form, and otherwise not at all. */
const DISABLED: readonly (Row & { readonly translated: Readonly<Record<Side, string | undefined>> })[] = [
  { name: 'top_k', value: '101', translated: { dashscope: '101', openai: undefined } },
  { name: 'top_k', value: 'null', translated: { dashscope: undefined, openai: undefined } }
]

const REFUSED: readonly (Row & { readonly message: string })[] = [
  { name: 'temperature', value: '2', message: 'Temperature should be in [0.0, 2.0)' },
  { name: 'temperature', value: '-0.1', message: 'Temperature should be in [0.0, 2.0)' },
  { name: 'temperature', value: '"hot"', message: "'temperature' must be Float" },
  { name: 'top_p', value: '0', message: 'Range of top_p should be (0.0, 1.0]' },
  { name: 'top_p', value: '1.01', message: 'Range of top_p should be (0.0, 1.0]' },
  { name: 'presence_penalty', value: '-2.01', message: 'Presence_penalty should be in [-2.0, 2.0]' },
  { name: 'presence_penalty', value: '2.01', message: 'Presence_penalty should be in [-2.0, 2.0]' },
  { name: 'repetition_penalty', value: '0', message: 'Repetition_penalty should be greater than 0.0' },
  { name: 'max_tokens', value: '0', message: 'Range of max_tokens should be [1, 8192]' },
  { name: 'max_tokens', value: '8193', message: 'Range of max_tokens should be [1, 8192]' },
  { name: 'max_tokens', value: '1e30', message: 'Range of max_tokens should be [1, 8192]' },
  { name: 'max_tokens', value: '1.5', message: "'max_tokens' must be Integer" },
  { name: 'seed', value: '-1', message: 'Range of seed should be [0, 18446744073709551615]' },
  { name: 'seed', value: '18446744073709551616', message: 'Range of seed should be [0, 18446744073709551615]' },
  { name: 'seed', value: '"7"', message: 'Range of seed should be [0, 18446744073709551615]' },
  { name: 'stop', value: '["你好",104307]', message: 'all elements within the list must be of the same type' },
  { name: 'stop', value: '[104307,[1]]', message: 'all elements within the list must be of the same type' },
  { name: 'top_k', value: '-1', message: 'Parameter top_k be greater than or equal to' },
  { name: 'n', value: '5', message: 'Range of n should be [1, 4]' },
  { name: 'tools', value: '[{"type":"function","function":{"name":"has space"}}]', message: "'tools': a function's name" },
  { name: 'tools', value: '[{"type":"function","function":{"name":"n2345678901234567890123456789012345678901234567890123456789012345"}}]', message: "'tools': a function's name" },
  { name: 'tools', value: '[{"type":"retrieval"}]', message: "'tools': the type of a tool must be function" }
]

/** The body of a surface with one parameter in its place. */
function bodyWith (surface: Side, row: Row): string {
  return bodyOf(surface, `"${row.name}":${row.value}${row.also === undefined ? '' : `,${row.also}`}`)
}

/** The literal of a parameter in the bytes the upstream got, from its place in the upstream's protocol. */
function upstreamLiteral (gateway: Gateway, upstream: Side, name: string): string | undefined {
  const value = upstreamParameters(gateway, upstream)[name]
  return value === undefined ? undefined : JSON.stringify(value, (_key, member) => typeof member === 'bigint' ? JSON.rawJSON(String(member)) : member)
}

for (const upstream of ['dashscope', 'openai'] as const) {
  for (const surface of ['openai', 'dashscope'] as const) {
    t.test(`${surface} to ${upstream}`, async (t) => {
      const gateway = await startGateway({ upstreamProtocol: upstream })
      t.teardown(() => gateway.close())

      for (const row of ACCEPTED) {
        await t.test(`carries ${row.name} = ${row.value.slice(0, 60)}`, async (t) => {
          const reply = await post(gateway, PATHS[surface], bodyWith(surface, row))
          t.equal(reply.status, 200, reply.text.slice(0, 300))
          const literal = JSON.stringify(JSON.parse(row.value, exact))
          t.equal(upstreamLiteral(gateway, upstream, row.name), literal, 'to the letter')
          const stream = await streamed(gateway, surface, bodyWith(surface, row))
          t.equal(stream.status, 200, stream.text.slice(0, 300))
          t.equal(upstreamLiteral(gateway, upstream, row.name), literal, 'streaming too')
        })
      }
      for (const row of DISABLED) {
        await t.test(`takes ${row.name} = ${row.value} as not set`, async (t) => {
          const reply = await post(gateway, PATHS[surface], bodyWith(surface, row))
          t.equal(reply.status, 200, reply.text.slice(0, 300))
          t.equal(upstreamLiteral(gateway, upstream, row.name), surface === upstream ? row.value : row.translated[upstream])
        })
      }
      for (const row of REFUSED) {
        await t.test(`refuses ${row.name} = ${row.value.slice(0, 60)} in the vendor's words`, async (t) => {
          const before = gateway.simulator.requests.length
          const reply = await post(gateway, PATHS[surface], bodyWith(surface, row))
          t.equal(reply.status, 400)
          const message = surface === 'openai' ? reply.json.error.message : reply.json.message
          t.match(message, row.message)
          if (surface === 'openai') t.match(reply.json.error, { type: 'invalid_request_error', param: row.name })
          else t.match(reply.json, { code: 'InvalidParameter', request_id: String })
          t.equal(gateway.simulator.requests.length, before, 'nothing reached the upstream')
        })
      }
    })
  }
}

/** JSON.rawJSON and the reviver's source are in V8 and not yet in TypeScript's library. */
declare global {
  interface JSON { rawJSON (text: string): unknown }
}

function exact (_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value) ? JSON.rawJSON(context?.source ?? '') : value
}

const CONVERSATION = '[{"role":"user","content":"weather in Boston?"},{"role":"assistant","content":"","tool_calls":[{CALL"type":"function","function":{"name":"get_current_weather","arguments":"{}"}}]},{"role":"tool","content":"sunny"RESULT}]'

for (const upstream of ['dashscope', 'openai'] as const) {
  t.test(`conversations to ${upstream}`, async (t) => {
    const gateway = await startGateway({ upstreamProtocol: upstream })
    t.teardown(() => gateway.close())
    const messagesUpstream = (): any => upstream === 'openai' ? lastUpstreamBody(gateway).messages : lastUpstreamBody(gateway).input.messages

    await t.test('a prompt is the last user message', async (t) => {
      const reply = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { prompt: '你好' } })
      t.equal(reply.status, 200, reply.text)
      t.match(reply.json.output, { text: String, finish_reason: 'stop' }, 'answered as text, the default')
      if (upstream === 'openai') t.same(messagesUpstream(), [{ role: 'user', content: '你好' }])
      else t.same(lastUpstreamBody(gateway).input, { prompt: '你好' })
    })

    await t.test('history and prompt become alternating messages', async (t) => {
      const history = [{ user: '今天天气好吗?', bot: '今天天气不错' }, { user: '有什么地方推荐?', bot: '公园' }]
      const reply = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { prompt: '谢谢', history } })
      t.equal(reply.status, 200, reply.text)
      if (upstream === 'openai') {
        t.same(messagesUpstream().map((message: any) => [message.role, message.content]), [
          ['user', '今天天气好吗?'], ['assistant', '今天天气不错'], ['user', '有什么地方推荐?'], ['assistant', '公园'], ['user', '谢谢']
        ])
      } else t.same(lastUpstreamBody(gateway).input.history, history)
    })

    await t.test('neither prompt nor messages is refused in the vendor\'s words', async (t) => {
      const reply = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: {} })
      t.equal(reply.status, 400)
      t.equal(reply.json.message, 'Either "prompt" or "messages" must exist and cannot both be none')
    })

    await t.test('a tool result by name finds its call, and one by id its name', async (t) => {
      const byName = CONVERSATION.replace('CALL', '').replace('RESULT', ',"name":"get_current_weather"')
      const first = await post(gateway, NATIVE_PATH, `{"model":"qwen-coder-turbo","input":{"messages":${byName}},"parameters":{"result_format":"message","tools":${TOOLS}}}`)
      t.equal(first.status, 200, first.text)
      const [, assistant, tool] = messagesUpstream()
      if (upstream === 'openai') {
        t.match(assistant.tool_calls[0].id, /^call_[0-9a-f]{24}$/)
        t.equal(tool.tool_call_id, assistant.tool_calls[0].id, 'the same made-up id on both sides')
      }
      const other = await post(gateway, OPENAI_PATH, `{"model":"qwen-coder-turbo","messages":${byName},"tools":${TOOLS}}`)
      t.equal(other.status, 200, other.text)
      const [, caller, answer] = messagesUpstream()
      t.match(caller.tool_calls[0].id, /^call_[0-9a-f]{24}$/)
      t.equal(answer.tool_call_id, caller.tool_calls[0].id, 'from the other surface too')
      const byId = CONVERSATION.replace('CALL', '"id":"call_1",').replace('RESULT', ',"tool_call_id":"call_1"')
      const second = await post(gateway, OPENAI_PATH, `{"model":"qwen-coder-turbo","messages":${byId},"tools":${TOOLS}}`)
      t.equal(second.status, 200, second.text)
      const answered = messagesUpstream().at(-1)
      t.match(answered, upstream === 'openai' ? { tool_call_id: 'call_1' } : { tool_call_id: 'call_1', name: 'get_current_weather' })
    })

    await t.test('developer is sent as system, and parts as text', async (t) => {
      const messages = [{ role: 'developer', content: 'be brief' }, { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }]
      const reply = await post(gateway, OPENAI_PATH, { model: 'qwen-coder-turbo', messages })
      t.equal(reply.status, 200, reply.text)
      t.equal(messagesUpstream()[0].role, 'system')
      if (upstream === 'dashscope') t.equal(messagesUpstream()[1].content, 'a\nb')
    })

    await t.test('the multimodal path answers in parts', async (t) => {
      const reply = await post(gateway, MULTIMODAL_PATH, { model: 'qwen-coder-turbo', input: { messages: [{ role: 'user', content: [{ text: 'hi' }] }] }, parameters: { result_format: 'message' } })
      t.equal(reply.status, 200, reply.text)
      t.type(reply.json.output.choices[0].message.content[0].text, 'string')
    })

    await t.test('the workspace travels where the upstream knows it', async (t) => {
      await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { prompt: 'hi' } }, { 'X-DashScope-WorkSpace': 'ws_1' })
      t.equal(gateway.simulator.requests.at(-1)?.headers['x-dashscope-workspace'], 'ws_1')
    })

    await t.test('result_format, both ways', async (t) => {
      const body = (format: string): object => ({ model: 'qwen-coder-turbo', input: { prompt: 'hi' }, parameters: { result_format: format } })
      t.type((await post(gateway, NATIVE_PATH, body('text'))).json.output.text, 'string')
      t.equal((await post(gateway, NATIVE_PATH, body('message'))).json.output.choices[0].finish_reason, 'stop')
      t.equal((await post(gateway, NATIVE_PATH, body('xml'))).status, 400)
    })

    await t.test('the seed prompt costs 85 tokens with the system message and 74 without', async (t) => {
      const user = { role: 'user', content: SEED_PROMPT }
      const system = { role: 'system', content: 'You are a helpful assistant.' }
      t.equal((await post(gateway, OPENAI_PATH, { model: 'qwen-coder-turbo', messages: [system, user] })).json.usage.prompt_tokens, 85)
      const native = await post(gateway, NATIVE_PATH, { model: 'qwen-coder-turbo', input: { messages: [user] } })
      t.equal(native.json.usage.input_tokens, 74)
      t.equal(native.json.usage.total_tokens, 74 + native.json.usage.output_tokens)
    })
  })
}

const SEED_PROMPT = '请编写一个Python函数 find_prime_numbers，该函数接受一个整数 n 作为参数，并返回一个包含所有小于 n 的质数(素数)的列表。质数是指仅能被1和其自身整除的正整数，如2, 3, 5, 7等。'
