import t from 'tap'
import { MODEL_PACE } from '../../src/simulator/pace.ts'
import { ask, COMPATIBLE, compatibleBody, hastyClock, NATIVE, nativeBody, simulatorFor, STREAMED } from './wire.ts'

t.test('an answer takes the first delay and its tokens\' time, streamed or whole', async t => {
  for (const [path, headers, body] of [[NATIVE, STREAMED, nativeBody('hi')], [NATIVE, {}, nativeBody('hi')], [COMPATIBLE, {}, compatibleBody('hi')]] as const) {
    const clock = hastyClock()
    const simulator = await simulatorFor(t, { pace: { ...MODEL_PACE, firstTokenDelayMs: 500, tokensPerSecond: 100 } }, clock)
    await ask(simulator, { path, headers, body })
    const [record] = simulator.requests
    const tookMs = (record?.endedMs ?? 0) - (record?.receivedMs ?? 0)
    t.equal(clock.waits[0], 500)
    t.ok(Math.abs(tookMs - 500 - (record?.charge.outputTokens ?? 0) * 10) < 1, `${tookMs} ms`)
  }
})

t.test('an interval between chunks comes on top', async t => {
  const clock = hastyClock()
  const author = (): { reasoning: string, content: string, toolCalls: [] } => ({ reasoning: '', content: '123456', toolCalls: [] })
  const pace = { chunkIntervalMs: 40, charactersPerChunkMin: 2, charactersPerChunkMax: 2 }
  const simulator = await simulatorFor(t, { author, pace }, clock)
  await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi') })
  t.same(clock.waits, [40, 40, 40, 40])
})

t.test('a refusal does not wait for a first token', async t => {
  const clock = hastyClock()
  const simulator = await simulatorFor(t, { pace: MODEL_PACE }, clock)
  await ask(simulator, { path: NATIVE, body: {} })
  t.same(clock.waits, [])
})

t.test('pieces have from four to eight characters unless told otherwise', async t => {
  const simulator = await simulatorFor(t)
  const { text } = await ask(simulator, { path: NATIVE, headers: STREAMED, body: nativeBody('hi', { incremental_output: true }) })
  const lengths = text.split('\n').filter(line => line.startsWith('data:'))
    .map(line => Array.from(JSON.parse(line.slice(5)).output.text as string).length)
  t.same(lengths.slice(0, 6), [4, 5, 6, 7, 8, 4])
})
