import t from 'tap'
import { ask, COMPATIBLE, compatibleBody, eventsOf, hastyClock, PRIMES, simulatorFor, STREAMED, WEATHER_TOOL } from './wire.ts'

const SAY = { author: () => ({ reasoning: '', content: 'I like 苹果', toolCalls: [] }), pace: { charactersPerChunkMin: 6, charactersPerChunkMax: 6 } }

t.test('a compatible-mode stream is written byte for byte as the service writes it', async t => {
  const simulator = await simulatorFor(t, SAY, hastyClock())
  const body = compatibleBody('hi', { stream: true, stream_options: { include_usage: true } })
  const { text, headers, status } = await ask(simulator, { path: COMPATIBLE, body })
  const chunk = (choices: string, usage = 'null'): string =>
    `data: {"choices":[${choices}],"object":"chat.completion.chunk","usage":${usage},"created":1700000000,"system_fingerprint":null,` +
    `"model":"qwen-coder-turbo","id":"chatcmpl-${headers['x-request-id']}"}\n\n`
  const choice = (delta: string, finish = 'null'): string => `{"delta":${delta},"finish_reason":${finish},"index":0,"logprobs":null}`
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/event-stream/)
  t.equal(text,
    chunk(choice('{"content":"","role":"assistant"}')) +
    chunk(choice('{"content":"I like"}')) +
    chunk(choice('{"content":" 苹果"}')) +
    chunk(choice('{"content":""}', '"stop"')) +
    chunk('', '{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":0}}') +
    'data: [DONE]\n\n')
})

t.test('usage comes only where it is asked for', async t => {
  const simulator = await simulatorFor(t, SAY)
  const { text } = await ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) })
  t.ok(eventsOf(text).every(event => event.usage === null && event.choices.length === 1))
  t.ok(text.endsWith('data: [DONE]\n\n'))
})

t.test('a whole answer has the members of the vendor\'s sample, in its order', async t => {
  const simulator = await simulatorFor(t, {}, hastyClock())
  const messages = [{ role: 'system', content: 'You are a helpful assistant.' }, { role: 'user', content: '你是谁？' }]
  const { text, headers } = await ask(simulator, { path: '/v1/chat/completions', body: { model: 'qwen-coder-turbo', messages } })
  t.equal(text,
    '{"choices":[{"message":{"role":"assistant","content":"我是阿里云开发的一款超大规模语言模型，我叫通义千问。"},' +
    '"finish_reason":"stop","index":0,"logprobs":null}],"object":"chat.completion",' +
    '"usage":{"prompt_tokens":22,"completion_tokens":17,"total_tokens":39},"created":1700000000,"system_fingerprint":null,' +
    `"model":"qwen-coder-turbo","id":"chatcmpl-${headers['x-request-id']}"}`)
})

t.test('the prime-number example costs what the vendor\'s page says', async t => {
  const simulator = await simulatorFor(t)
  const messages = [{ role: 'system', content: 'You are a helpful assistant.' }, { role: 'user', content: PRIMES }]
  const { text } = await ask(simulator, { path: COMPATIBLE, body: { model: 'qwen-coder-turbo', messages } })
  t.same(JSON.parse(text).usage, { prompt_tokens: 85, completion_tokens: 250, total_tokens: 335 })
})

t.test('pieces of a call behind its opening have an empty id and no name', async t => {
  const simulator = await simulatorFor(t, { pace: { charactersPerChunkMin: 20, charactersPerChunkMax: 20 } })
  const body = compatibleBody('weather in 杭州', { stream: true, tools: [WEATHER_TOOL] })
  const events = eventsOf((await ask(simulator, { path: COMPATIBLE, body })).text)
  t.match(events[1].choices[0].delta.tool_calls[0].id, /^call_[0-9a-f]{24}$/)
  t.same(events.slice(1).map(event => event.choices[0].delta.tool_calls?.[0]?.function), [
    { name: 'get_weather', arguments: '' }, { name: null, arguments: '{"city": "杭州"}' }, undefined
  ])
  t.equal(events[2].choices[0].delta.tool_calls[0].id, '')
  t.equal(events.at(-1).choices[0].finish_reason, 'tool_calls')
})

t.test('a body that leaves stream open streams with the header of DashScope\'s own SDK, and not for Accept alone', async t => {
  const simulator = await simulatorFor(t, SAY)
  const types = await Promise.all([STREAMED, { accept: 'text/event-stream' }].map(async headers =>
    (await ask(simulator, { path: COMPATIBLE, headers, body: compatibleBody('hi') })).headers['content-type']))
  t.same(types, ['text/event-stream;charset=UTF-8', 'application/json'])
})

t.test('both prefixes list the models', async t => {
  const simulator = await simulatorFor(t)
  for (const path of ['/v1/models', '/compatible-mode/v1/models']) {
    const list = JSON.parse((await ask(simulator, { path, method: 'GET' })).text)
    t.equal(list.object, 'list')
    t.ok(list.data.some((model: { id: string }) => model.id === 'qwen-coder-turbo-0919'))
  }
})
