import t from 'tap'
import { ask, askRaw, COMPATIBLE, compatibleBody, eventsOf, KEY, NATIVE, nativeBody, simulatorFor, STREAMED, until } from '../wire.ts'

const NATIVE_STREAM = { path: NATIVE, headers: STREAMED, body: nativeBody('hi', { incremental_output: true, result_format: 'message' }) }
const COMPATIBLE_STREAM = { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) }
const ERROR = '"code":"Throttling.RateQuota","message":"Requests rate limit exceeded, please try again later."}\n\n'
const frames = (text: string): number => text.match(/data:/g)?.length ?? 0

t.test('a stream can end without a finish', async t => {
  for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM]) {
    const simulator = await simulatorFor(t)
    simulator.enqueue('eof=3')
    const { text, ending } = await ask(simulator, asked)
    t.same([frames(text), ending], [3, 'end'])
    t.notMatch(text, /"stop"|DONE/)
    t.ok((simulator.billed.get(KEY)?.outputTokens ?? 0) > 0, 'what was said is billed')
  }
})

t.test('however many events are asked for, the finish is not among them', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('eof=100000')
  const { text } = await ask(simulator, NATIVE_STREAM)
  t.ok(frames(text) > 20)
  t.notMatch(text, /"stop"/)
})

t.test('a connection can be reset, or closed inside an HTTP chunk', async t => {
  for (const [fault, ending] of [['reset', 'reset'], ['cut', 'fin']] as const) {
    for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM]) {
      const simulator = await simulatorFor(t)
      simulator.enqueue(`${fault}=2`)
      const answered = await askRaw(simulator, asked)
      t.equal(answered.ending, ending, `${fault} of ${asked.path}`)
      t.notMatch(answered.text, /0\r\n\r\n$/, 'the last chunk never comes')
      t.equal(simulator.requests[0]?.ending, 'broken off')
    }
  }
})

t.test('a connection can be reset before a word was said', async t => {
  for (const asked of [NATIVE_STREAM, COMPATIBLE_STREAM, { path: NATIVE, body: nativeBody('hi') }]) {
    const simulator = await simulatorFor(t)
    simulator.enqueue('reset-start')
    t.same(await askRaw(simulator, asked), { text: '', ending: 'reset' })
    t.match(simulator.requests, [{ ending: 'broken off', charge: { inputTokens: 0, outputTokens: 0 } }])
  }
})

t.test('what was sent before a FIN inside a chunk arrives, and half a frame after it', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('cut=2')
  const { text } = await askRaw(simulator, NATIVE_STREAM)
  t.equal(frames(text), 3)
  t.match(text, /\r\n40\r\ndata:{"output":{"ch$/)
})

t.test('an answer that is no stream breaks off in the middle', async t => {
  for (const fault of ['eof', 'reset', 'cut']) {
    const simulator = await simulatorFor(t)
    simulator.enqueue(fault)
    const { text } = await askRaw(simulator, { path: NATIVE, body: nativeBody('hi'), headers: { connection: 'close' } })
    if (fault !== 'reset') t.match(text, /\r\n{"output":{"text":"/)
    t.notMatch(text, /"request_id"/)
    t.ok((simulator.billed.get(KEY)?.outputTokens ?? 0) > 0, 'the answer was written, and is billed')
  }
})

t.test('silence comes before the head, behind it, or in the middle', async t => {
  const simulator = await simulatorFor(t)
  const rows = [['stall-start', /^$/], ['stall-head', /^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/], ['stall=2', /id:2\n[^]*\n\n/]] as const
  for (const [index, [fault, expected]] of rows.entries()) {
    simulator.enqueue(fault)
    let text = ''
    let leave = (): void => {}
    const done = askRaw(simulator, NATIVE_STREAM, (received, hangUp) => {
      text = received
      leave = hangUp
    })
    await until(() => simulator.requests[index * 2]?.status !== undefined)
    const other = await ask(simulator, NATIVE_STREAM)
    t.match(other.text, /"stop"/, 'others are answered meanwhile')
    await until(() => expected.test(text))
    t.equal(simulator.requests[index * 2]?.ending, 'open')
    if (fault === 'stall=2') t.equal(frames(text), 2)
    leave()
    await done
  }
})

t.test('a native error event ends a stream of either dialect', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('error-frame=429:2')
  const native = await ask(simulator, NATIVE_STREAM)
  t.match(native.text, new RegExp('\\n\\nid:3\\nevent:error\\n:HTTP_STATUS/429\\ndata:\\{"request_id":"' + String(native.headers['x-request-id']) + '",'))
  t.ok(native.text.endsWith(ERROR))
  simulator.enqueue('error-frame')
  const compatible = await ask(simulator, COMPATIBLE_STREAM)
  t.match(compatible.text, /^(data: .*\n\n){2}id:1\nevent:error\n:HTTP_STATUS\/429\ndata:{"request_id"/)
  t.ok(compatible.text.endsWith(ERROR))
})

t.test('an error object ends a stream without [DONE]', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('error-data=503:1')
  const { text, ending } = await ask(simulator, COMPATIBLE_STREAM)
  t.equal(ending, 'end')
  t.match(eventsOf(text).at(-1), { error: { code: 'service_unavailable', param: null, type: 'server_error' } })
  t.notMatch(text, /DONE/)
})

t.test('an error costs what was said before it, and one before the first word nothing', async t => {
  for (const fault of ['error-frame=500', 'error-data=500', 'error-finish=500']) {
    for (const [events, isCharged] of [[0, false], [1, false], [3, true]] as const) {
      const simulator = await simulatorFor(t)
      simulator.enqueue(`${fault}:${events}`)
      await ask(simulator, COMPATIBLE_STREAM)
      const { inputTokens = 0, outputTokens = 0 } = simulator.billed.get(KEY) ?? {}
      t.same([inputTokens > 0, outputTokens > 0], [isCharged, isCharged], `${fault} after ${events} events`)
    }
  }
})

t.test('error_finish carries a native error event as if the model had said it', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('error-finish')
  const { text } = await ask(simulator, COMPATIBLE_STREAM)
  const [choice] = eventsOf(text).at(-1).choices
  t.equal(choice.finish_reason, 'error_finish')
  t.match(choice.delta.content, /^id:1\nevent:error\n:HTTP_STATUS\/429\ndata:{"request_id".*}\n\n$/)
  t.ok(text.endsWith('data: [DONE]\n\n'))
})
