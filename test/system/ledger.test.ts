import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { MODEL, WAYS, bodyFor, headersFor, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { SIDES, ask as askOpen, watch } from '../support/scene.ts'
import type { Caller, LimitedGateway, Way } from '../support/limited-gateway.ts'
import type { Side } from '../support/scene.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

t.setTimeout(120_000)

const SETTINGS: TeamSettings = {
  requests_per_minute: 1_000,
  tokens_per_minute: 1_000_000,
  concurrent_requests: 1,
  budgets: [{ id: 'tokens', unit: 'tokens', period: 'month', amount: 1_000_000 }, { id: 'money', unit: 'CNY', period: 'month', amount: 100 }]
}
const PARAMETERS = { max_tokens: 100 }

/** An upstream that takes a request and hangs up without a word. */
async function startSilent (t: Test): Promise<{ readonly origin: string, readonly heard: () => number }> {
  let heard = 0
  const server = createServer((request) => {
    request.resume().on('end', () => {
      heard++
      request.socket.destroy()
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => heard }
}

/** A gateway that asks the silent upstream first, so often, and then the simulator. */
async function startBehindSilence (t: Test, upstream: Side, silences: number): Promise<LimitedGateway & { readonly heard: () => number }> {
  const { origin, heard } = await startSilent(t)
  const path = upstream === 'dashscope' ? '/api/v1' : '/compatible-mode/v1'
  const targets = [...Array.from({ length: silences }, () => 'silent'), 'sim'].map((name, priority) => `{ upstream: ${name}, priority: ${priority} }`)
  const yaml = `  - { name: silent, protocol: ${upstream}, base_url: "${origin}${path}", keys: [sk-silent] }\nmodels: [{ name: ${MODEL}, targets: [${targets.join(', ')}] }]`
  return { ...await startLimitedGateway(t, upstream, { yaml }), heard }
}

/** What is told of a team's limits has to be the sum of what is told of its requests, and nothing may be held any more. */
async function assertSums (t: Test, { seen }: LimitedGateway, caller: Caller, records: readonly any[]): Promise<void> {
  const { limits } = await seen(caller, '/limits')
  const used = new Map<string, any>(limits.map(({ id, used, held }: any) => [id, { used, held }]))
  t.same(used.get('tokens'), { used: records.reduce((sum, { usage }) => sum + usage.total_tokens, 0), held: 0 })
  t.equal(Math.round(Number(used.get('money').used) * 1e9), records.reduce((sum, { cost_nano: cost }) => sum + cost, 0))
  t.equal(used.get('concurrent_requests').used, 0)
}

for (const upstream of SIDES) {
  t.test(`${upstream}: a silent try is charged its prompt by itself, and the request once`, async (t) => {
    for (const silences of [1, 2]) {
      const gateway = await startBehindSilence(t, upstream, silences)
      for (const settings of [SETTINGS, {}]) {
        for (const way of WAYS) {
          const caller = await gateway.team(settings)
          const reply = await gateway.ask(caller, way, { parameters: PARAMETERS })
          t.equal(reply.status, 200, nameOf(way))
          const record = await gateway.seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
          const attempts: readonly any[] = record.billed_attempts
          t.match(record, { status: 200, outcome: 'completed', attempts: silences + 1, upstream: 'sim', usage: { source: 'estimated' } })
          t.equal(attempts.length, silences + 1)
          const { charge } = gateway.lastRequest()
          for (const silent of attempts.slice(0, silences)) {
            t.match(silent, { upstream: 'silent', upstream_request_id: null, outcome: 'failed', error: 'upstream_failed', status: 502, usage: { input_tokens: charge.inputTokens, output_tokens: 0, source: 'estimated' } })
          }
          t.match(attempts.at(-1), { attempt: silences + 1, upstream: 'sim', outcome: 'completed', usage: { input_tokens: charge.inputTokens, output_tokens: charge.outputTokens, source: 'reported' } })
          t.equal(record.usage.total_tokens, (silences + 1) * charge.inputTokens + charge.outputTokens)
          if (settings !== SETTINGS) continue
          await assertSums(t, gateway, caller, [record])
          const { limits } = await gateway.seen(caller, '/limits')
          t.equal(limits.find(({ id }: any) => id === 'requests_per_minute').used, 1, 'it is one request, however often it was tried')
          t.equal(limits.find(({ id }: any) => id === 'tokens_per_minute').used, record.usage.total_tokens)
        }
      }
    }
  })

  t.test(`${upstream}: where the limits leave no room for another try, the first failure is the client's`, async (t) => {
    const gateway = await startBehindSilence(t, upstream, 1)
    for (const way of WAYS) {
      // The first try takes so much of the budget that the second does not fit, not even with the shortest answer.
      const caller = await gateway.team({ ...SETTINGS, budgets: [{ id: 'tokens', unit: 'tokens', period: 'month', amount: 80 }] })
      const [before, heard] = [gateway.gateway.simulator.requests.length, gateway.heard()]
      const reply = await gateway.ask(caller, way, { parameters: { max_tokens: 1 } })
      t.equal(reply.status, 502, nameOf(way))
      t.equal(gateway.heard(), heard + 1)
      t.equal(gateway.gateway.simulator.requests.length, before, 'nobody else is asked')
      const record = await gateway.seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
      t.match(record, { status: 502, outcome: 'failed', error: 'upstream_failed', attempts: 1, usage: { output_tokens: 0 } })
      t.match(record.billed_attempts, [{ attempt: 1, usage: { input_tokens: record.usage.input_tokens } }, { attempt: 2, usage: { total_tokens: 0 }, cost_nano: 0 }])
      const { limits } = await gateway.seen(caller, '/limits')
      t.match(limits.find(({ id }: any) => id === 'tokens'), { used: record.usage.total_tokens, held: 0 })
      t.equal(limits.find(({ id }: any) => id === 'concurrent_requests').used, 0)
    }
  })

  t.test(`${upstream}: every way out of a request leaves one record, and the sums are right`, async (t) => {
    const gateway = await startLimitedGateway(t, upstream)
    for (const surface of SIDES) {
      const caller = await gateway.team(SETTINGS)
      const records: any[] = []
      const record = async (requestId: string | null, expected: object, what: string): Promise<void> => {
        const seen = await gateway.seen(caller, `/requests/${requestId}`)
        t.match(seen, expected, `${surface} ${what}`)
        t.notOk('billed_attempts' in seen, `${surface} ${what}: one record`)
        records.push(seen)
      }
      for (const { fault, stream, expected } of ENDS) {
        if (fault !== '') gateway.gateway.simulator.enqueue(fault)
        const reply = await gateway.ask(caller, { surface, stream }, { parameters: PARAMETERS })
        await record(reply.headers.get('x-request-id'), { status: reply.status, ...expected }, fault)
      }
      for (const [fault, left] of [['stall-start', 499], ['stall=3', 200]] as const) {
        await record(await leave(gateway, caller, surface, fault), { status: left, outcome: 'client_closed', error: 'client_closed', usage: { input_tokens: Number } }, `left at ${fault}`)
      }
      await record(await timeOut(gateway, caller, surface), { status: 504, outcome: 'failed', error: 'upstream_timeout', usage: { output_tokens: 0, source: 'estimated' } }, 'silence')
      await assertSums(t, gateway, caller, records)
    }
  })
}

const FREE = { usage: { total_tokens: 0 }, cost_nano: 0, outcome: 'failed' }

/** Ways in which an upstream ends a request by itself. */
const ENDS: readonly { readonly fault: string, readonly stream: boolean, readonly expected: object }[] = [
  { fault: '', stream: false, expected: { outcome: 'completed', error: null } },
  { fault: '', stream: true, expected: { outcome: 'completed', error: null } },
  { fault: 'error=400', stream: true, expected: { ...FREE, error: 'invalid_request' } },
  { fault: 'error=500', stream: false, expected: { ...FREE, error: 'upstream_failed' } },
  { fault: 'throttled', stream: true, expected: { ...FREE, error: 'rate_limited' } },
  { fault: 'ok-error', stream: false, expected: FREE },
  { fault: 'reset=3', stream: true, expected: { outcome: 'failed', error: 'upstream_failed' } },
  { fault: 'eof=3', stream: true, expected: { outcome: 'failed', error: 'upstream_failed' } },
  { fault: 'malformed', stream: true, expected: { outcome: 'failed', error: 'upstream_protocol' } }
]

/** A stream whose client resets its connection once the upstream has met a fault. */
async function leave ({ gateway, nextEnd }: LimitedGateway, { apiKey }: Caller, surface: Side, fault: string): Promise<string> {
  const way: Way = { surface, stream: true }
  const { arrived, ended } = watch(gateway.simulator, fault)
  const end = nextEnd()
  const { request, response } = askOpen({ ...gateway, apiKey }, surface, bodyFor(way, { parameters: PARAMETERS }), headersFor(way))
  await arrived
  if (fault !== 'stall-start') await once(await response, 'data')
  request.socket?.resetAndDestroy()
  await ended
  return (await end).requestId
}

/** One that waits for a first byte for as long as it may. */
async function timeOut ({ gateway, clock, nextEnd }: LimitedGateway, { apiKey }: Caller, surface: Side): Promise<string> {
  const way: Way = { surface, stream: true }
  const { arrived } = watch(gateway.simulator, 'stall-start')
  const end = nextEnd()
  const { response } = askOpen({ ...gateway, apiKey }, surface, bodyFor(way, { parameters: PARAMETERS }), headersFor(way))
  await arrived
  clock.advance(60_000)
  ;(await response).resume()
  return (await end).requestId
}
