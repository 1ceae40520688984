import t from 'tap'
import { ask, COMPATIBLE, compatibleBody, eventsOf, NATIVE, nativeBody, simulatorFor, STREAMED, WEATHER_TOOL } from '../wire.ts'

type T = Parameters<typeof simulatorFor>[0]

const PARAMETERS = { tools: [WEATHER_TOOL], parallel_tool_calls: true, incremental_output: true, result_format: 'message' }
const NATIVE_CALLS = { path: NATIVE, headers: STREAMED, body: nativeBody('weather in Paris and Tokyo', PARAMETERS) }
const COMPATIBLE_CALLS = {
  path: COMPATIBLE, body: compatibleBody('weather in Paris and Tokyo', { tools: [WEATHER_TOOL], parallel_tool_calls: true, stream: true })
}

async function events (t: T, fault: string, asked: Parameters<typeof ask>[1]): Promise<any[]> {
  const simulator = await simulatorFor(t)
  simulator.enqueue(fault)
  return eventsOf((await ask(simulator, asked)).text)
}

async function calls (t: T, fault: string, asked: Parameters<typeof ask>[1]): Promise<any[]> {
  const choices = (await events(t, fault, asked)).map(event => (event.choices ?? event.output.choices)[0])
  return choices.flatMap(choice => (choice.delta ?? choice.message).tool_calls ?? [])
}

t.test('usage is missing, impossible or of another type, while the bill stays true', async t => {
  const rows = [
    ['none', undefined], ['null', null], ['empty', {}], ['zero', { input_tokens: 0, output_tokens: 0, total_tokens: 0 }],
    ['negative', { input_tokens: -10, output_tokens: -3, total_tokens: -12 }], ['fraction', { input_tokens: 9.5 }],
    ['huge', { input_tokens: Number.MAX_SAFE_INTEGER * 1024 }], ['string', { input_tokens: '9', output_tokens: '2' }],
    ['no-total', { input_tokens: 9, output_tokens: 2, total_tokens: undefined }]
  ] as const
  for (const [how, expected] of rows) {
    const simulator = await simulatorFor(t, { author: () => ({ reasoning: '', content: '你好啊', toolCalls: [] }) })
    simulator.enqueue(`usage=${how}`)
    const { usage } = JSON.parse((await ask(simulator, { path: NATIVE, body: nativeBody('hi') })).text)
    if (expected === undefined || expected === null) t.equal(usage, expected)
    else t.match(usage, expected, how)
    t.same([...simulator.billed.values()], [{ requests: 1, inputTokens: 9, outputTokens: 2 }])
  }
})

t.test('usage is changed in every event of a stream', async t => {
  const native = await events(t, 'usage=string', { path: NATIVE, headers: STREAMED, body: nativeBody('hi') })
  t.ok(native.every(event => event.usage.input_tokens === '9'))
  const body = compatibleBody('hi', { stream: true, stream_options: { include_usage: true } })
  const compatible = await events(t, 'usage=none', { path: COMPATIBLE, body })
  t.same(compatible.filter(event => event.usage !== null).map(event => [event.usage, event.choices]), [[undefined, []]])
})

t.test('usage comes twice', async t => {
  const body = compatibleBody('hi', { stream: true, stream_options: { include_usage: true } })
  const compatible = await events(t, 'usage-twice', { path: COMPATIBLE, body })
  t.equal(compatible.filter(event => event.usage !== null).length, 2)
  const native = await events(t, 'usage-twice', { path: NATIVE, headers: STREAMED, body: nativeBody('hi') })
  t.same(native.at(-1), native.at(-2))
})

t.test('the finish comes with an empty delta', async t => {
  const finish = (await events(t, 'empty-finish', { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) })).at(-1)
  t.same(finish.choices[0], { delta: {}, finish_reason: 'stop', index: 0, logprobs: null })
})

t.test('the last piece of the arguments comes with the finish', async t => {
  for (const asked of [NATIVE_CALLS, COMPATIBLE_CALLS]) {
    const all = (await events(t, 'arguments-in-finish', asked)).map(event => (event.choices ?? event.output.choices)[0])
    const finish = all.at(-1)
    t.equal(finish.finish_reason, 'tool_calls')
    t.match((finish.delta ?? finish.message).tool_calls, [{ index: 1, id: '', function: { arguments: /"}$/ } }])
    const fragments = all.flatMap(choice => (choice.delta ?? choice.message).tool_calls ?? []).filter(call => call.index === 1)
    t.equal(fragments.map(call => call.function.arguments).join(''), '{"city": "Tokyo"}')
  }
})

t.test('calls have neither id nor index, as in 2024', async t => {
  for (const asked of [NATIVE_CALLS, COMPATIBLE_CALLS]) {
    const all = await calls(t, 'ids-missing', asked)
    t.ok(all.length > 3 && all.every(call => !('id' in call) && !('index' in call)))
  }
})

t.test('every piece repeats the id of its call', async t => {
  const all = await calls(t, 'ids-repeated', COMPATIBLE_CALLS)
  t.equal(new Set(all.map(call => call.id)).size, 2)
  t.ok(all.every(call => call.id === all.find(other => other.index === call.index).id && call.id.startsWith('call_')))
})

t.test('names behind the opening are empty or null', async t => {
  for (const [fault, name] of [['names-empty', ''], ['names-null', null]] as const) {
    for (const asked of [NATIVE_CALLS, COMPATIBLE_CALLS]) {
      const all = await calls(t, fault, asked)
      t.ok(all.some(call => call.id === '') && all.every(call => call.function.name === (call.id === '' ? name : 'get_weather')))
    }
  }
})

t.test('arguments are null where there are none', async t => {
  const all = await calls(t, 'arguments-null', NATIVE_CALLS)
  t.equal(all[0].function.arguments, null)
  t.equal(all.at(-1).function.arguments, null)
})

t.test('content repeats everything said so far although increments were asked for', async t => {
  for (const asked of [
    { path: NATIVE, headers: STREAMED, body: nativeBody('hi', { incremental_output: true, result_format: 'message' }) },
    { path: COMPATIBLE, body: compatibleBody('hi', { stream: true, model: 'qwen-plus', enable_thinking: true }) }
  ]) {
    const said = (await events(t, 'cumulative', asked)).map(event => (event.choices ?? event.output.choices)[0])
      .map(choice => (choice.delta ?? choice.message).content)
    t.ok(said.every((content, index) => index === 0 || content.startsWith(said[index - 1])))
    t.match(said.at(-1), /^.*“hi”[^]*print/)
  }
})
