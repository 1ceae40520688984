import t from 'tap'
import { WAYS, startLimitedGateway, startStream } from '../support/limited-gateway.ts'
import { SIDES } from '../support/scene.ts'
import type { LimitedGateway } from '../support/limited-gateway.ts'

async function metricsOf ({ gateway }: LimitedGateway): Promise<(series: RegExp) => number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  return (series) => text.split('\n').filter((line) => series.test(line)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

for (const upstream of SIDES) {
  t.test(`what is counted before ${upstream} is what the ledger has, to the token and the nano`, async (t) => {
    const scene = await startLimitedGateway(t, upstream)
    const caller = await scene.team({ tokens_per_minute: 1_000_000, budgets: [{ id: 'money', unit: 'CNY', period: 'day', amount: 100 }] })
    const sums = { cost: 0, input: 0, output: 0 }
    const faults = ['', 'error=500', 'error=400', 'reset=3']
    for (const way of WAYS) {
      for (const fault of faults) {
        if (fault !== '') scene.gateway.simulator.enqueue(fault)
        const reply = await scene.ask(caller, way)
        const record = await scene.seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
        sums.cost += record?.cost_nano ?? 0
        sums.input += record?.usage.input_tokens ?? 0
        sums.output += record?.usage.output_tokens ?? 0
      }
    }
    t.ok(sums.cost > 0)
    const counted = await metricsOf(scene)
    t.same({
      cost: counted(/^dashgate_cost_nano_total\{.*currency="CNY"/),
      input: counted(/^dashgate_tokens_total\{.*direction="input"/),
      output: counted(/^dashgate_tokens_total\{.*direction="output"/)
    }, sums)
    t.equal(counted(new RegExp(`^dashgate_team_cost_nano_total\\{team="${caller.team}"`)), sums.cost)
    t.equal(counted(/^gen_ai_client_inference_usage_input_tokens_total/), sums.input)
    t.equal(counted(/^gen_ai_client_inference_operation_output_tokens_sum/), sums.output)
    t.equal(counted(new RegExp(`^dashgate_team_requests_total\\{team="${caller.team}"`)), WAYS.length * faults.length)
  })
}

t.test('what is held is told while it is, and a refusal by its limit', async (t) => {
  const scene = await startLimitedGateway(t, 'openai')
  const caller = await scene.team({ concurrent_requests: 1, budgets: [{ id: 'day', unit: 'tokens', period: 'day', amount: 100_000 }] })
  const stream = await startStream(scene, caller)
  const during = await metricsOf(scene)
  t.equal(during(/^dashgate_holds /), 1)
  t.ok(during(/^dashgate_held_tokens /) > 8_192, 'the whole answer and the prompt')
  t.equal(during(/^dashgate_upstream_in_flight\{upstream="sim"\}/), 1)
  t.equal((await scene.ask(caller, { surface: 'openai', stream: false })).status, 429)
  await stream.end()
  const after = await metricsOf(scene)
  t.equal(after(/^dashgate_holds /), 0)
  t.equal(after(/^dashgate_limit_refusals_total\{scope="team",kind="concurrency",unit="requests"\}/), 1)
  t.equal(after(/^dashgate_requests_total\{.*outcome="client_closed",error="client_closed",status="4xx"\}/), 1)
})
