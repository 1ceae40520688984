import t from 'tap'
import { createRecords, OTHER_KEYS } from '../../src/simulator/records.ts'
import { ask, askRaw, COMPATIBLE, compatibleBody, eventsOf, KEY, NATIVE, nativeBody, simulatorFor, STREAMED, until } from './wire.ts'

t.test('a request is kept as it came', async t => {
  const simulator = await simulatorFor(t)
  const body = '{ "model": "qwen-max", "input": {"prompt": "hi"}, "parameters": {"seed": 18446744073709551615} }'
  await ask(simulator, { path: NATIVE + '?x=1', headers: { 'x-extra': 'yes' }, body })
  const [record] = simulator.requests
  t.equal(record?.body.toString(), body)
  t.match(record, { sequence: 1, method: 'POST', path: NATIVE, key: KEY, status: 200, ending: 'complete', disconnectedMs: undefined })
  t.equal(record?.headers['x-extra'], 'yes')
  t.same((record?.json as any).parameters, { seed: 18446744073709551615n })
})

t.test('only the last requests are remembered', async t => {
  const simulator = await simulatorFor(t, { requestsMax: 2 })
  for (let asked = 0; asked < 3; asked++) await ask(simulator, { path: '/v1/models', method: 'GET' })
  t.same(simulator.requests.map(record => record.sequence), [2, 3])
})

t.test('each key is billed the usage it was told, and refusals are free', async t => {
  const simulator = await simulatorFor(t)
  const whole = JSON.parse((await ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi') })).text).usage
  const streamed = eventsOf((await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi') })).text).at(-1).usage
  await ask(simulator, { path: NATIVE, body: nativeBody('hi', { n: 9 }) })
  await ask(simulator, { path: NATIVE, body: nativeBody('hi'), headers: { authorization: 'Bearer sk-other' } })
  t.same(simulator.billed.get(KEY), {
    requests: 2, inputTokens: whole.prompt_tokens + streamed.input_tokens, outputTokens: whole.completion_tokens + streamed.output_tokens
  })
  t.equal(simulator.billed.get('sk-other')?.requests, 1)
})

t.test('keys beyond the limit share a bill, so that the sum stays true', async t => {
  const records = createRecords(10, 1)
  for (const key of ['sk-a', 'sk-b', 'sk-c', 'sk-a']) {
    const record = records.open({ method: 'POST', path: NATIVE, headers: {}, receivedMs: 0 })
    record.key = key
    records.close(record, { ending: 'complete', endedMs: 1, charge: { inputTokens: 2, outputTokens: 3 } })
  }
  const twice = { requests: 2, inputTokens: 4, outputTokens: 6 }
  t.same([...records.billed], [['sk-a', twice], [OTHER_KEYS, twice]])
})

t.test('a client that leaves is noticed, and billed for what was written until then', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('stall=3')
  const { text } = await askRaw(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi', { incremental_output: true }) },
    (received, hangUp) => { if (/id:3\n[^]*\n\n/.test(received)) hangUp() })
  await until(() => simulator.requests[0]?.ending !== 'open')
  const [record] = simulator.requests
  const last = eventsOf(text.replaceAll('\r\n', '\n')).at(-1).usage
  t.equal(record?.ending, 'client gone')
  t.equal(record?.disconnectedMs, record?.endedMs)
  t.same(simulator.billed.get(KEY), { requests: 1, inputTokens: last.input_tokens, outputTokens: last.output_tokens })
})

t.test('a client that leaves before the first token is billed nothing', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('stall-head')
  await askRaw(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi') }, (received, hangUp) => { if (received.includes('\r\n\r\n')) hangUp() })
  await until(() => simulator.requests[0]?.ending !== 'open')
  t.equal(simulator.requests[0]?.ending, 'client gone')
  t.equal(simulator.billed.size, 0)
})

t.test('closing breaks off what is running', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('stall')
  const answer = ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) })
  await until(() => simulator.requests[0]?.status !== undefined)
  await simulator.close()
  t.equal((await answer.catch(() => ({ ending: 'broken' }))).ending, 'broken')
  t.equal(simulator.requests[0]?.ending, 'broken off')
})

t.test('a mistake in an author is said aloud', async t => {
  const simulator = await simulatorFor(t, { author: () => { throw new TypeError('no idea') } })
  const { status, text } = await ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi') })
  t.equal(status, 500)
  t.match(text, /no idea/)
})
