import t from 'tap'
import { faultNames, parseFaults } from '../../../src/simulator/faults/faults.ts'
import { ask, COMPATIBLE, compatibleBody, NATIVE, nativeBody, simulatorFor } from '../wire.ts'

t.test('a fault is met once, by the next request', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('error=503')
  simulator.enqueue('throttled=7')
  const statuses = []
  for (let asked = 0; asked < 3; asked++) statuses.push((await ask(simulator, { path: NATIVE, body: nativeBody('hi') })).status)
  t.same(statuses, [503, 429, 200])
  t.same(simulator.requests.map(record => record.faults), [['error=503'], ['throttled=7'], []])
})

t.test('a header goes before the queue, and the queue before the script', async t => {
  const simulator = await simulatorFor(t)
  simulator.script(request => request.sequence === 3 ? 'error=500' : undefined)
  simulator.enqueue('error=503')
  const header = { 'x-simulate': 'error=502' }
  const answers = [
    await ask(simulator, { path: NATIVE, headers: header, body: nativeBody('hi') }),
    await ask(simulator, { path: NATIVE, body: nativeBody('hi') }),
    await ask(simulator, { path: NATIVE, body: nativeBody('hi') }),
    await ask(simulator, { path: NATIVE, body: nativeBody('hi') })
  ]
  t.same(answers.map(answer => answer.status), [502, 503, 500, 200])
})

t.test('several faults work together', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('crlf, eof=1')
  const { text } = await ask(simulator, { path: COMPATIBLE, body: compatibleBody('hi', { stream: true }) })
  t.match(text, /^data: .*\r\n\r\n$/)
})

t.test('listing the models meets no fault', async t => {
  const simulator = await simulatorFor(t)
  simulator.enqueue('error=503')
  t.equal((await ask(simulator, { path: '/v1/models', method: 'GET' })).status, 200)
})

t.test('a fault that does not exist is named', async t => {
  const simulator = await simulatorFor(t)
  t.throws(() => simulator.enqueue('eof, reste=1'), { message: 'simulator: no fault is called reste=1' })
  const { status, text } = await ask(simulator, { path: NATIVE, headers: { 'x-simulate': 'reste' }, body: nativeBody('hi') })
  t.equal(status, 400)
  t.match(text, /no fault called reste/)
})

t.test('a value a fault cannot take is said aloud', async t => {
  const simulator = await simulatorFor(t)
  for (const fault of ['eof=many', 'error=500:triangular', 'usage=lots', 'comments=-1']) {
    const { status, text } = await ask(simulator, { path: NATIVE, headers: { 'x-simulate': fault }, body: nativeBody('hi') })
    t.equal(status, 500, fault)
    t.match(text, /RangeError: simulator:/)
  }
})

t.test('fault lists are forgiving about spaces', async t => {
  t.same(parseFaults(' eof=1 ,,crlf '), ['eof=1', 'crlf'])
  t.equal(new Set(faultNames()).size, faultNames().length)
})
