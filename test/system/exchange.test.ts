import { once } from 'node:events'
import t from 'tap'
import type { Test } from 'tap'
import { createLogger } from '../../src/observe/logger.ts'
import type { RequestRecord } from '../../src/simulator/records.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts'
import { countText } from '../../src/tokens/count.ts'
import { createManualClock } from '../support/fixed.ts'
import { startGateway } from '../support/gateway.ts'
import type { Gateway } from '../support/gateway.ts'
import { post } from '../support/http.ts'
import type { Reply } from '../support/http.ts'
import { LONG, NATIVE_STREAM, NO_STREAMS, PATHS, SIDES, SSE, STREAMS, ask, sceneTo, textOf, watch } from '../support/scene.ts'
import type { Side } from '../support/scene.ts'
import { eventsOf } from '../support/sse.ts'

async function streamFrom (gateway: Gateway, surface: Side): Promise<Reply> {
  return await post(gateway, PATHS[surface], STREAMS[surface], surface === 'dashscope' ? SSE : {})
}

async function ledgerRecord (gateway: Gateway, requestId: string): Promise<any> {
  const response = await fetch(`${gateway.url}/dashgate/v1/requests/${requestId}`, { headers: { authorization: `Bearer ${gateway.apiKey}` } })
  return response.status === 200 ? await response.json() : undefined
}

for (const upstream of SIDES) {
  for (const surface of SIDES) {
    t.test(`${surface} from ${upstream}: a client that leaves cancels the upstream and pays for what was said`, async (t) => {
      const { gateway, nextEnd } = await sceneTo(t, upstream)
      const { arrived, ended } = watch(gateway.simulator, 'stall=6')
      const { request, response } = ask(gateway, surface)
      await once(await response, 'data')
      const settled = nextEnd()
      request.destroy()
      // The script has no end but this: the simulator is silent until its client goes.
      t.equal(await ended, 'client gone')
      const { requestId, outcome } = await settled
      t.equal(outcome, 'client_closed')
      const { charge } = await arrived
      const record = await ledgerRecord(gateway, requestId)
      t.match(record, { outcome: 'client_closed', stream: true, attempts: 1 })
      t.equal(record.usage.input_tokens, charge.inputTokens, 'the prompt, to the token')
      t.ok(record.usage.output_tokens > 0 && record.usage.output_tokens <= charge.outputTokens, 'what had arrived of the answer')
      t.equal(record.usage.source, upstream === 'dashscope' ? 'reported' : 'estimated')
    })
  }
}

t.test('nothing waits for time between a client that resets its connection and the upstream that hears of it', async (t) => {
  for (const upstream of SIDES) {
    // This clock never goes on: whatever waited for a timer would wait for ever.
    const { gateway } = await sceneTo(t, upstream, { deps: { clock: createManualClock() } })
    for (const surface of SIDES) {
      const midStream = watch(gateway.simulator, 'stall=3')
      const listening = ask(gateway, surface)
      await once(await listening.response, 'data')
      listening.request.socket?.resetAndDestroy()
      t.equal(await midStream.ended, 'client gone', `${surface} from ${upstream}, inside the stream`)
      const unanswered = watch(gateway.simulator, 'stall-start')
      const { request } = ask(gateway, surface)
      await unanswered.arrived
      request.socket?.resetAndDestroy()
      t.equal(await unanswered.ended, 'client gone', `${surface} from ${upstream}, before the first byte`)
    }
  }
})

t.test('a client that leaves before the first byte cancels too, and pays for its prompt', async (t) => {
  for (const fault of ['stall-start', 'stall-head']) {
    const { gateway, nextEnd } = await sceneTo(t, 'dashscope')
    const { arrived, ended } = watch(gateway.simulator, fault)
    const { request } = ask(gateway, 'openai')
    await arrived
    const settled = nextEnd()
    request.destroy()
    t.equal(await ended, 'client gone', fault)
    const { requestId } = await settled
    t.match(await ledgerRecord(gateway, requestId), { outcome: 'client_closed', usage: { output_tokens: 0, source: 'estimated' } })
    t.ok((await ledgerRecord(gateway, requestId)).usage.input_tokens > 0)
  }
})

t.test('so does one that waits for a whole answer', async (t) => {
  for (const upstream of SIDES) {
    const { gateway, nextEnd } = await sceneTo(t, upstream)
    for (const surface of SIDES) {
      const { arrived, ended } = watch(gateway.simulator, 'stall')
      const { request } = ask(gateway, surface, NO_STREAMS[surface], {})
      await arrived
      const settled = nextEnd()
      request.destroy()
      t.equal(await ended, 'client gone', `${surface} from ${upstream}`)
      const { requestId } = await settled
      t.match(await ledgerRecord(gateway, requestId), { outcome: 'client_closed', stream: false, usage: { source: 'estimated' } })
    }
  }
})

t.test('under drain the answer nobody hears is read for what it cost', async (t) => {
  for (const upstream of SIDES) {
    const { simulator } = await countingSimulator(t, { author: () => ({ reasoning: '', content: LONG, toolCalls: [] }) })
    const scene = await sceneTo(t, upstream, { yaml: 'policies: { client_abort: drain }', upstreamOrigin: simulator.url, deps: { clock: createManualClock() } })
    const { nextEnd } = scene
    const gateway = { ...scene.gateway, simulator }
    for (const surface of SIDES) {
      const { arrived, ended } = watch(gateway.simulator, '')
      const { request, response } = ask(gateway, surface)
      await once(await response, 'data')
      const settled = nextEnd()
      request.socket?.resetAndDestroy()
      t.equal(await ended, 'complete', `${surface} from ${upstream}`)
      const { requestId } = await settled
      const { charge } = await arrived
      t.match(await ledgerRecord(gateway, requestId), {
        outcome: 'client_closed', usage: { source: 'reported', input_tokens: charge.inputTokens, output_tokens: charge.outputTokens }
      })
    }
  }
})

/** So many turns of the event loop without one more event from the simulator mean that it waits for its reader. */
const STILL_TURNS = 5_000
const TURNS_MAX = 5_000_000

async function untilStill (progress: () => number): Promise<void> {
  let still = 0
  for (let turn = 0, last = progress(); still < STILL_TURNS; turn++) {
    if (turn === TURNS_MAX) throw new Error('the simulator never paused')
    await new Promise<void>((resolve) => { setImmediate(resolve) })
    still = progress() === last ? still + 1 : 0
    last = progress()
  }
}

/** A simulator that tells how many events it has written. */
async function countingSimulator (t: Test, options: SimulatorOptions): Promise<{ simulator: Simulator, eventsWritten: () => number }> {
  let events = 0
  const setTimer = (_delayMs: number, action: () => void): () => void => {
    events++
    const turn = setImmediate(action)
    return () => clearImmediate(turn)
  }
  const simulator = await startSimulator({ ...options, pace: { chunkIntervalMs: 1 } }, { clock: { nowMs: () => 0, setTimer } })
  t.teardown(() => simulator.close())
  return { simulator, eventsWritten: () => events }
}

t.test('a client that does not read stops the upstream, and gets everything once it does', async (t) => {
  // Cumulative frames repeat all that was said: some 6,000 of them are 100 MB, far more than sockets hold.
  const content = 'lorem ipsum dolor sit amet '.repeat(1_300)
  const { simulator, eventsWritten } = await countingSimulator(t, { author: () => ({ reasoning: '', content, toolCalls: [] }) })
  const { gateway, nextEnd } = await sceneTo(t, 'dashscope', { upstreamOrigin: simulator.url })
  const { ended } = watch(simulator, '')
  const { response } = ask(gateway, 'dashscope', { ...NATIVE_STREAM, model: 'qwen-plus', parameters: { incremental_output: false } })
  const answer = await response
  const settled = nextEnd()
  await untilStill(eventsWritten)
  const written = eventsWritten()
  t.equal(simulator.requests.at(-1)?.ending, 'open', 'still writing')
  const last = eventsOf(await textOf(answer)).at(-1)
  t.equal(await ended, 'complete')
  t.ok(eventsWritten() > written, 'it went on only when it was read')
  t.equal(JSON.parse(last?.data ?? '').output.text, content)
  t.equal((await settled).outcome, 'completed')
})

/** A second upstream behind the first; the helper's YAML leaves off inside the list. */
function secondUpstream (simulator: Simulator): string {
  return [
    '  - name: second',
    '    protocol: openai',
    `    base_url: ${simulator.url}/v1`,
    '    keys: [sk-second-key-of-the-tests]',
    '    builtin_models: true'
  ].join('\n')
}

t.test('another upstream is tried before the first byte and none after', async (t) => {
  const second = await startSimulator()
  t.teardown(() => second.close())
  const { gateway, nextEnd } = await sceneTo(t, 'dashscope', { yaml: secondUpstream(second) })
  for (const [place, fault] of ['error=500', 'throttled', 'error=503', 'unauthorized'].entries()) {
    gateway.simulator.enqueue(fault)
    const settled = nextEnd()
    const reply = await streamFrom(gateway, 'openai')
    t.equal(reply.status, 200, fault)
    t.equal(reply.headers.get('x-dashgate-upstream'), 'second')
    t.equal(second.requests.length, place + 1)
    t.match(await settled, { outcome: 'completed', upstream: 'second', attempts: 2 })
  }
  // A head that says 200 may have been billed: what fails behind it is not asked for again.
  for (const fault of ['eof', 'reset', 'reset=0', 'error-frame=429', 'error=400']) {
    gateway.simulator.enqueue(fault)
    const settled = nextEnd()
    const reply = await streamFrom(gateway, 'openai')
    t.equal(second.requests.length, 4, `${fault} is the client's to know`)
    t.match(reply.text, /"error":/)
    t.match(await settled, { outcome: 'failed', attempts: 1 })
  }
})

t.test('an upstream that is not there is passed over, and all of them failing is one error', async (t) => {
  const second = await startSimulator()
  t.teardown(() => second.close())
  const { gateway } = await sceneTo(t, 'dashscope', { yaml: secondUpstream(second), upstreamOrigin: 'http://127.0.0.1:9' })
  t.equal((await streamFrom(gateway, 'dashscope')).headers.get('x-dashgate-upstream'), 'second')
  second.enqueue('error=503')
  const reply = await streamFrom(gateway, 'dashscope')
  t.ok(reply.status >= 500, String(reply.status))
  t.match(reply.json, { code: String, message: String, request_id: /./ })
})

for (const upstream of SIDES) {
  t.test(`usage ${upstream} does not give, or gives wrongly, is counted and said to be an estimate`, async (t) => {
    const { gateway, nextEnd } = await sceneTo(t, upstream)
    for (const how of ['none', 'null', 'empty', 'negative', 'huge', 'fraction', 'string']) {
      for (const surface of SIDES) {
        for (const isStream of [true, false]) {
          gateway.simulator.enqueue(`usage=${how}`)
          const settled = nextEnd()
          const reply = isStream ? await streamFrom(gateway, surface) : await post(gateway, PATHS[surface], NO_STREAMS[surface])
          t.equal(reply.status, 200)
          const { requestId } = await settled
          const { usage } = await ledgerRecord(gateway, requestId)
          const { charge } = gateway.simulator.requests.at(-1) as RequestRecord
          const label = `${how} ${surface} ${isStream ? 'stream' : 'whole'}`
          t.same([usage.source, usage.input_tokens, usage.output_tokens], ['estimated', charge.inputTokens, charge.outputTokens], label)
        }
      }
    }
  })
}

t.test('an answer cut before its usage came is estimated by the text that came', async (t) => {
  const { gateway, nextEnd } = await sceneTo(t, 'openai')
  gateway.simulator.enqueue('eof=6')
  const settled = nextEnd()
  const reply = await streamFrom(gateway, 'openai')
  const chunks = reply.events.map(({ data }) => JSON.parse(data ?? '')).filter(({ choices }) => choices !== undefined)
  const text = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('')
  const { usage } = await ledgerRecord(gateway, (await settled).requestId)
  t.ok(text.length > 0)
  t.same([usage.source, usage.output_tokens], ['estimated', countText(text)])
})

t.test('every request that was let in is in the ledger once, however it ended', async (t) => {
  const lines: any[] = []
  const logger = createLogger('info', { write: (line) => { lines.push(JSON.parse(line)) } })
  const { gateway } = await sceneTo(t, 'openai', { deps: { logger } })
  const faults = ['', 'eof', 'error-data=500', 'malformed', 'usage-twice', 'ok-error', 'error=400', 'throttled']
  const ids: (string | null)[] = []
  for (const fault of faults) {
    if (fault !== '') gateway.simulator.enqueue(fault)
    ids.push((await streamFrom(gateway, 'dashscope')).headers.get('x-request-id'))
  }
  t.equal(new Set(ids).size, faults.length)
  t.same(lines.flatMap(({ requestId }) => requestId ?? []), ids, 'one line each, in order')
  const records = await Promise.all(ids.map(async (id) => await ledgerRecord(gateway, id ?? '')))
  t.same(records.map(({ outcome }) => outcome), ['completed', 'failed', 'failed', 'failed', 'completed', 'failed', 'failed', 'failed'])
  t.same(records.map(({ usage }) => usage.total_tokens > 0), [true, true, true, true, true, false, false, false], 'what refused before it said a word cost nothing')
  t.same(records.slice(5).map(({ status, cost_nano: cost }) => [status, cost]), [[502, 0], [400, 0], [429, 0]])
  t.ok(records.slice(0, 5).every(({ status }) => status === 200), 'a stream that began')
})

t.test('closing lets a live stream end', async (t) => {
  const { simulator } = await countingSimulator(t, { author: () => ({ reasoning: '', content: LONG, toolCalls: [] }) })
  const gateway = await startGateway({ upstreamProtocol: 'dashscope', upstreamOrigin: simulator.url })
  const answer = await ask(gateway, 'openai').response
  const [first] = await once(answer, 'data') as [Buffer]
  const closed = gateway.close()
  const text = first.toString() + await textOf(answer)
  await closed
  t.ok(text.endsWith('data: [DONE]\n\n'))
  t.match(text, /"finish_reason":"stop"/)
  await t.rejects(fetch(`${gateway.url}/livez`), 'and nobody is let in any more')
})

t.test('closing waits no longer than its timeout for a stream that does not end', async (t) => {
  const clock = createManualClock()
  const gateway = await startGateway({ upstreamProtocol: 'dashscope', yaml: 'server: { port: 0, shutdown_timeout: 10s }', deps: { clock } })
  gateway.simulator.enqueue('stall=6')
  const answer = await ask(gateway, 'openai').response
  await once(answer, 'data')
  const gone = textOf(answer).then(() => 'whole', () => 'cut')
  const closed = gateway.close()
  clock.advance(10_000)
  t.equal(await gone, 'cut')
  await closed
  const lines = gateway.logLines.map((line) => JSON.parse(line))
  t.match(lines.filter(({ outcome }) => outcome !== undefined), [{ outcome: 'client_closed', usageSource: 'reported', inputTokens: Number }], 'what it cost was settled before the store was closed')
  t.notOk(lines.some(({ level }) => level >= 50))
})
