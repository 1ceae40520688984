import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { createManualClock } from '../support/fixed.ts'
import type { ManualClock } from '../support/fixed.ts'
import type { Gateway } from '../support/gateway.ts'
import { post } from '../support/http.ts'
import { LONG, NO_STREAMS, PATHS, SIDES, ask, sceneTo, textOf, watch } from '../support/scene.ts'
import type { Side } from '../support/scene.ts'
import { eventsOf } from '../support/sse.ts'
import { createWatchedClock } from '../support/watched-clock.ts'
import type { WatchedClock } from '../support/watched-clock.ts'

interface Deadline {
  readonly name: string
  readonly timeouts: string
  /** What the clock goes on by, and the only timer of that length. */
  readonly timeoutMs: number
  readonly fault: string
  /** Whether something of the answer comes before the deadline. */
  readonly begun: boolean
}

const DEADLINES: readonly Deadline[] = [
  { name: 'silence after the first events', timeouts: '{ idle: 41s }', timeoutMs: 41_000, fault: 'stall=3', begun: true },
  { name: 'a head and nothing more', timeouts: '{ idle: 41s }', timeoutMs: 41_000, fault: 'stall-head', begun: false },
  { name: 'no head at all', timeouts: '{ first_byte: 42s }', timeoutMs: 42_000, fault: 'stall-start', begun: false },
  { name: 'an answer without end', timeouts: '{ total: 43s }', timeoutMs: 43_000, fault: 'drip=20:500', begun: true }
]

function assertTimedOut (t: Test, { surface, begun, text }: { surface: Side, begun: boolean, text: string }): void {
  const error = JSON.parse(begun ? eventsOf(text).at(-1)?.data ?? '' : text)
  t.match(error, surface === 'openai' ? { error: { code: 'request_timeout', type: 'server_error' } } : { code: 'InternalError.Timeout' })
  t.notMatch(text, /\[DONE\]|"finish_reason":"(?!null)/)
}

for (const upstream of SIDES) {
  for (const { name, timeouts, timeoutMs, fault, begun } of DEADLINES) {
    t.test(`${name} of ${upstream} runs into its deadline, in both protocols`, async (t) => {
      const clock = createWatchedClock()
      const { gateway, nextEnd } = await sceneTo(t, upstream, { deps: { clock }, upstreamYaml: `timeouts: ${timeouts}` })
      for (const surface of SIDES) {
        const { arrived, ended } = watch(gateway.simulator, fault)
        const settled = nextEnd()
        const armed = once(clock.armings, String(timeoutMs))
        const { response } = ask(gateway, surface)
        await Promise.all([arrived, armed])
        const first = begun ? await firstChunk(await response) : ''
        clock.advance(timeoutMs - 1)
        clock.advance(1)
        const answer = await response
        t.equal(answer.statusCode, begun ? 200 : 504)
        assertTimedOut(t, { surface, begun, text: first + await textOf(answer) })
        t.equal(await ended, 'client gone', 'the upstream was let go')
        t.match(await settled, { outcome: 'failed', errorKind: 'upstream_timeout' })
      }
    })
  }

  t.test(`comments of ${upstream} are no sign of life`, async (t) => {
    const { clock, simulatorClock, gateway } = await twoClocks(t, upstream)
    for (const surface of SIDES) {
      const { ended } = watch(gateway.simulator, 'drip=1000:50')
      const answer = await stepping(simulatorClock, ask(gateway, surface).response)
      const first = await stepping(simulatorClock, firstChunk(answer))
      const rest = textOf(answer)
      for (let second = 1; second <= 41; second++) {
        simulatorClock.advance(1_000)
        await roundTrip(gateway)
        clock.advance(1_000)
      }
      assertTimedOut(t, { surface, begun: true, text: first + await rest })
      t.equal(await ended, 'client gone')
    }
  })

  t.test(`a whole answer of ${upstream} that stops halfway runs into the total deadline`, async (t) => {
    const clock = createWatchedClock()
    const { gateway } = await sceneTo(t, upstream, { deps: { clock }, upstreamYaml: 'timeouts: { total: 43s }' })
    for (const surface of SIDES) {
      gateway.simulator.enqueue('stall')
      const armed = once(clock.armings, '43000')
      const reply = post(gateway, PATHS[surface], NO_STREAMS[surface])
      await armed
      clock.advance(43_000)
      t.equal((await reply).status, 504, surface)
    }
  })

  t.test(`a stream of ${upstream} that goes on may take longer than the longest silence`, async (t) => {
    const { clock, simulatorClock, gateway } = await twoClocks(t, upstream)
    for (const surface of SIDES) {
      const asked = ask(gateway, surface)
      const answer = await stepping(simulatorClock, asked.response)
      let text = ''
      answer.on('data', (chunk: Buffer) => { text += chunk.toString() })
      for (let pauses = 0; pauses < 4; pauses++) {
        await stepping(simulatorClock, once(answer, 'data'))
        clock.advance(30_000)
      }
      await stepping(simulatorClock, once(answer, 'end'))
      t.match(text, /"finish_reason":"stop"/, surface)
    }
  })
}

async function firstChunk (answer: IncomingMessage): Promise<string> {
  const [chunk] = await once(answer, 'data') as [Buffer]
  answer.pause()
  return chunk.toString()
}

/** A gateway that bears 41 seconds of silence, and its upstream, each with a clock that stands still. */
async function twoClocks (t: Test, upstream: Side): Promise<{ clock: WatchedClock, simulatorClock: ManualClock, gateway: Gateway }> {
  const clock = createWatchedClock()
  const simulatorClock = createManualClock()
  const options = { pace: { chunkIntervalMs: 1 }, author: () => ({ reasoning: '', content: LONG, toolCalls: [] }) }
  const simulator = await startSimulator(options, { clock: simulatorClock })
  t.teardown(() => simulator.close())
  const { gateway } = await sceneTo(t, upstream, { deps: { clock }, upstreamYaml: 'timeouts: { idle: 41s }', upstreamOrigin: simulator.url })
  return { clock, simulatorClock, gateway: { ...gateway, simulator } }
}

/** Lets a clock go on, a millisecond for each turn of the event loop, until something has happened. */
async function stepping<T> (clock: ManualClock, wanted: Promise<T>): Promise<T> {
  let turn: NodeJS.Immediate
  const step = (): void => {
    clock.advance(1)
    turn = setImmediate(step)
  }
  step()
  return await wanted.finally(() => { clearImmediate(turn) })
}

/** What was written on other connections before is read by the time this one has its answer. */
async function roundTrip (gateway: Gateway): Promise<void> {
  await (await fetch(`${gateway.url}/livez`)).text()
}
