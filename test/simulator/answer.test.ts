import t from 'tap'
import { countText } from '../../src/tokens/count.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { ask, COMPATIBLE, compatibleBody, eventsOf, simulatorFor, WEATHER_TOOL } from './wire.ts'

async function say (simulator: Simulator, text: string, more: Record<string, unknown> = {}): Promise<any> {
  return JSON.parse((await ask(simulator, { path: COMPATIBLE, body: compatibleBody(text, more) })).text)
}

t.test('an answer says what was said, the same every time, in Chinese, English and code', async t => {
  const simulator = await simulatorFor(t)
  const [one, other] = [await say(simulator, '你好 Qwen'), await say(simulator, '你好 Qwen')]
  const { content } = one.choices[0].message
  t.match(content, /“你好 Qwen”[^]*simulator[^]*```python\n/)
  t.equal(other.choices[0].message.content, content)
  t.equal(one.usage.completion_tokens, countText(content))
  t.not(one.id, other.id)
})

t.test('another seed words it differently', async t => {
  const simulator = await simulatorFor(t)
  const [one, other] = [await say(simulator, 'x', { seed: 1 }), await say(simulator, 'x', { seed: 2 })]
  t.not(one.choices[0].message.content, other.choices[0].message.content)
})

t.test('max_tokens cuts the answer where it has that many tokens', async t => {
  const simulator = await simulatorFor(t)
  for (const limit of [1, 7, 30]) {
    const { choices: [choice], usage } = await say(simulator, 'hello', { max_tokens: limit })
    t.equal(choice.finish_reason, 'length')
    t.equal(usage.completion_tokens, limit)
    t.equal(countText(choice.message.content), limit)
  }
})

t.test('an answer of exactly max_tokens is not cut', async t => {
  const simulator = await simulatorFor(t, { author: () => ({ reasoning: '', content: '你好啊', toolCalls: [] }) })
  const { choices: [choice], usage } = await say(simulator, 'x', { max_tokens: 2 })
  t.equal(choice.finish_reason, 'stop')
  t.equal(usage.completion_tokens, 2)
})

t.test('an answer ends in front of the first stop', async t => {
  const simulator = await simulatorFor(t)
  const { choices: [choice] } = await say(simulator, 'hello', { stop: ['```', 'comes'] })
  t.equal(choice.finish_reason, 'stop')
  t.match(choice.message.content, /This answer $/)
})

t.test('several choices differ, and all of them are charged', async t => {
  const simulator = await simulatorFor(t)
  const { choices, usage } = await say(simulator, 'hello', { n: 3 })
  t.same(choices.map((choice: any) => choice.index), [0, 1, 2])
  t.equal(new Set(choices.map((choice: any) => choice.message.content)).size, 3)
  t.equal(usage.completion_tokens, choices.reduce((sum: number, choice: any) => sum + countText(choice.message.content), 0))
})

t.test('streamed choices take turns', async t => {
  const simulator = await simulatorFor(t, { author: (_call, choice) => ({ reasoning: '', content: `choice ${choice}`, toolCalls: [] }) })
  const { text } = await ask(simulator, { path: COMPATIBLE, body: compatibleBody('x', { stream: true, n: 2 }) })
  t.same(eventsOf(text).map(event => event.choices[0].index), [0, 1, 0, 1, 0, 1, 0, 1])
})

t.test('tools are called for the weather, by name, or when they have to be', async t => {
  const simulator = await simulatorFor(t)
  const tools = [WEATHER_TOOL, { type: 'function', function: { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer' }, b: { enum: [7] } } } } }]
  const callsFor = async (text: string, more = {}): Promise<unknown> => {
    const { choices: [choice] } = await say(simulator, text, { tools, ...more })
    return choice.message.tool_calls?.map((call: any) => [call.function.name, call.function.arguments])
  }
  t.same(await callsFor('What is the weather in Paris and London?'), [['get_weather', '{"city": "Paris"}']])
  t.same(await callsFor('weather: London, Paris', { parallel_tool_calls: true }), [['get_weather', '{"city": "London"}'], ['get_weather', '{"city": "Paris"}']])
  t.same(await callsFor('北京天气'), [['get_weather', '{"city": "北京"}']])
  t.same(await callsFor('please add'), [['add', '{"a": 1, "b": 7}']])
  t.same(await callsFor('hi', { tool_choice: { type: 'function', function: { name: 'add' } } }), [['add', '{"a": 1, "b": 7}']])
  t.same(await callsFor('hi', { model: 'qwen3-max', tool_choice: 'required' }), [['get_weather', '{"city": "示例"}']])
  t.same(await callsFor('weather in Paris', { tool_choice: 'none' }), undefined)
  t.same(await callsFor('hi'), undefined)
})

t.test('a call ends with tool_calls and empty content', async t => {
  const simulator = await simulatorFor(t)
  const { choices: [choice] } = await say(simulator, 'weather in Paris', { tools: [WEATHER_TOOL] })
  t.match(choice, { finish_reason: 'tool_calls', message: { content: '', tool_calls: [{ index: 0, type: 'function', id: /^call_/ }] } })
})

t.test('a tool result is quoted', async t => {
  const simulator = await simulatorFor(t)
  const call = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } }
  const messages = [
    { role: 'user', content: 'weather in Paris' },
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: '晴, 21°C' }
  ]
  const { choices: [choice] } = await say(simulator, '', { messages, tools: [WEATHER_TOOL] })
  t.match(choice, { finish_reason: 'stop', message: { content: /晴, 21°C/ } })
})

t.test('thoughts come first and are charged as the service charges them', async t => {
  const simulator = await simulatorFor(t)
  const body = compatibleBody('请问 1+1 是多少？', { model: 'qwen-plus', enable_thinking: true, stream: true, stream_options: { include_usage: true } })
  const events = eventsOf((await ask(simulator, { path: COMPATIBLE, body })).text)
  const deltas = events.flatMap(event => event.choices.map((choice: any) => choice.delta))
  t.equal(deltas.map(delta => delta.reasoning_content ?? '').join(''), '嗯，用户问的是“1+1是多少')
  t.match(deltas.map(delta => delta.content ?? '').join(''), /^1\+1 等于 \*\*2\*\*。/)
  const firstWord = deltas.findIndex(delta => typeof delta.content === 'string' && delta.content !== '')
  t.ok(deltas.slice(firstWord).every(delta => (delta.reasoning_content ?? '') === ''))
  t.match(events.at(-1).usage, { prompt_tokens: 16, completion_tokens: 53, completion_tokens_details: { reasoning_tokens: 10 } })
})

t.test('a model that always thinks does so unasked, and the others only when asked', async t => {
  const simulator = await simulatorFor(t)
  const thoughts = await Promise.all(['qwq-plus', 'qwen-plus'].map(async model => {
    const { text } = await ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi', { model, stream: true }) })
    return eventsOf(text).some(event => typeof event.choices[0]?.delta.reasoning_content === 'string')
  }))
  t.same(thoughts, [true, false])
})
