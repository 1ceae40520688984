import t from 'tap'
import { ask, eventsOf, MULTIMODAL, NATIVE, nativeBody, PRIMES, simulatorFor, STREAMED, WEATHER_TOOL } from './wire.ts'

const SAY = { author: () => ({ reasoning: '', content: 'I like 苹果', toolCalls: [] }) }

t.test('a native stream is written byte for byte as DashScope writes it', async t => {
  const simulator = await simulatorFor(t, { ...SAY, pace: { charactersPerChunkMin: 6, charactersPerChunkMax: 6 } })
  const { text, headers, status } = await ask(simulator, {
    path: NATIVE, headers: STREAMED, body: nativeBody('hi', { result_format: 'message', incremental_output: true })
  })
  const requestId = headers['x-request-id']
  const frame = (id: number, content: string, finish: string, tokens: number): string =>
    `id:${id}\nevent:result\n:HTTP_STATUS/200\ndata:{"output":{"choices":[{"message":{"content":"${content}","role":"assistant"},` +
    `"finish_reason":"${finish}"}]},"usage":{"total_tokens":${9 + tokens},"output_tokens":${tokens},"input_tokens":9,` +
    `"prompt_tokens_details":{"cached_tokens":0}},"request_id":"${requestId}"}\n\n`
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/event-stream/)
  t.equal(text, frame(1, 'I like', 'null', 2) + frame(2, ' 苹果', 'null', 5) + frame(3, '', 'stop', 5))
})

t.test('without incremental_output each event repeats all that was said, in text format by default', async t => {
  const simulator = await simulatorFor(t, { ...SAY, pace: { charactersPerChunkMin: 6, charactersPerChunkMax: 6 } })
  const { text } = await ask(simulator, { path: NATIVE, headers: { accept: 'text/event-stream' }, body: nativeBody('hi', { stream: true }) })
  t.same(eventsOf(text).map(event => event.output), [
    { text: 'I like', finish_reason: 'null' },
    { text: 'I like 苹果', finish_reason: 'null' },
    { text: 'I like 苹果', finish_reason: 'stop' }
  ])
})

t.test('newer models answer as messages and in increments unless told otherwise', async t => {
  const simulator = await simulatorFor(t, { ...SAY, pace: { charactersPerChunkMin: 9, charactersPerChunkMax: 9 } })
  const { text } = await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi', {}, 'qwen3-max') })
  t.same(eventsOf(text).map(event => event.output.choices[0].message.content), ['I like 苹果', ''])
})

t.test('the multimodal service gives content as an array of parts', async t => {
  const simulator = await simulatorFor(t, SAY)
  const body = { model: 'qwen-vl-max', input: { messages: [{ role: 'user', content: [{ text: 'hi' }] }] }, parameters: { result_format: 'message' } }
  const whole = JSON.parse((await ask(simulator, { path: MULTIMODAL, body })).text)
  t.same(whole.output.choices, [{ finish_reason: 'stop', message: { role: 'assistant', content: [{ text: 'I like 苹果' }] } }])
  const streamed = eventsOf((await ask(simulator, {
    path: MULTIMODAL, headers: STREAMED, body: { ...body, parameters: { ...body.parameters, incremental_output: true } }
  })).text)
  t.same(streamed.at(-1).output.choices[0], { message: { content: [], role: 'assistant' }, finish_reason: 'stop' })
})

t.test('a body without a stream has output, usage and request_id, and nothing else', async t => {
  const simulator = await simulatorFor(t)
  const { text, headers } = await ask(simulator, { path: NATIVE, body: nativeBody(PRIMES) })
  const document = JSON.parse(text)
  t.match(document.output.text, /^```python\ndef find_prime_numbers/)
  t.same({ ...document, output: Object.keys(document.output) }, {
    output: ['text', 'finish_reason'],
    usage: { total_tokens: 258, output_tokens: 184, input_tokens: 74 },
    request_id: headers['x-request-id']
  })
})

t.test('the usage of the vendor\'s page is reproduced with and without a system message', async t => {
  const simulator = await simulatorFor(t)
  const messages = [{ role: 'system', content: 'You are a helpful assistant.' }, { role: 'user', content: PRIMES }]
  const body = { model: 'qwen-coder-turbo', input: { messages }, parameters: { result_format: 'message' } }
  t.same(JSON.parse((await ask(simulator, { path: NATIVE, body })).text).usage, { total_tokens: 247, output_tokens: 162, input_tokens: 85 })
})

t.test('a prompt with a history reads as the messages it stands for', async t => {
  const simulator = await simulatorFor(t, SAY)
  const old = { model: 'qwen-coder-turbo', input: { prompt: '为什么？', history: [{ user: '1+1=?', bot: '2' }] } }
  const messages = [{ role: 'user', content: '1+1=?' }, { role: 'assistant', content: '2' }, { role: 'user', content: '为什么？' }]
  const [one, other] = await Promise.all([old, { model: 'qwen-coder-turbo', input: { messages } }]
    .map(async body => JSON.parse((await ask(simulator, { path: NATIVE, body })).text).usage))
  t.same(one, other)
})

t.test('two parallel calls stream as the service streams them', async t => {
  const simulator = await simulatorFor(t, { pace: { charactersPerChunkMin: 12, charactersPerChunkMax: 12 } })
  const parameters = { tools: [WEATHER_TOOL], parallel_tool_calls: true, incremental_output: true, result_format: 'message' }
  const { text } = await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('weather in Paris and Tokyo?', parameters, 'qwen-plus') })
  const choices = eventsOf(text).map(event => event.output.choices[0])
  const calls = choices.map(choice => choice.message.tool_calls[0])
  t.same(calls.map(call => [call.index, call.id === '' ? '' : call.id.length, call.function.name, call.function.arguments]), [
    [0, 29, 'get_weather', ''], [0, '', undefined, '{"city": "Pa'], [0, '', undefined, 'ris"}'],
    [1, 29, 'get_weather', ''], [1, '', undefined, '{"city": "To'], [1, '', undefined, 'kyo"}'],
    [1, '', undefined, '']
  ])
  t.same(choices.at(-1).finish_reason, 'tool_calls')
  t.ok(choices.every(choice => choice.index === 0 && choice.message.content === ''))
})

t.test('cumulative output repeats the arguments too, and ends with whole calls', async t => {
  const simulator = await simulatorFor(t)
  const parameters = { tools: [WEATHER_TOOL], parallel_tool_calls: true, incremental_output: false, result_format: 'message' }
  const { text } = await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('weather in Paris and Tokyo?', parameters) })
  const calls = eventsOf(text).at(-1).output.choices[0].message.tool_calls
  t.same(calls.map((call: any) => [call.index, call.function]), [
    [0, { name: 'get_weather', arguments: '{"city": "Paris"}' }], [1, { name: 'get_weather', arguments: '{"city": "Tokyo"}' }]
  ])
})
