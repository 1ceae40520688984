import t from 'tap'
import { MODEL, WAYS, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { SIDES, ask as askOpen, watch } from '../support/scene.ts'

const UNPRICED = 'a-model-of-ours'
const IN_DOLLARS = 'a-model-in-dollars'
const CNY = { id: 'monthly', unit: 'CNY', period: 'month' as const, amount: 300 }

function yamlOf (policies = ''): string {
  const model = (name: string, price: string): string =>
    `  - { name: ${name}, targets: [{ upstream: sim, model: ${MODEL} }], context_tokens: 131072, output_tokens_max: 8192, tokenizer: qwen${price} }`
  return ['models:', model(UNPRICED, ''), model(IN_DOLLARS, ', price: { currency: USD, input_per_1k: 0.001, output_per_1k: 0.002 }'), policies].join('\n')
}

for (const upstream of SIDES) {
  t.test(`${upstream}: a model without a price in a budget's currency is never free`, async (t) => {
    const { gateway: { simulator }, team, ask, seen, admin } = await startLimitedGateway(t, upstream, { yaml: yamlOf() })
    for (const way of WAYS) {
      const caller = await team({ budgets: [CNY] })
      const before = simulator.requests.length
      for (const model of [UNPRICED, IN_DOLLARS]) {
        assertRefused(t, way.surface, await ask(caller, way, { model }), {
          kind: 'forbidden',
          message: `The model "${model}" has no price in CNY, in which the budget "monthly" is counted, so that it cannot be used under this budget.`,
          limit: undefined,
          retryAfter: null,
          param: 'model'
        }, `${nameOf(way)} ${model}`)
        t.match(await admin('POST', '/explain', { team: caller.team, model }), { json: { allowed: false, refused_by: { code: 'permission_denied' } } })
      }
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
      t.equal((await ask(caller, way, { parameters: { max_tokens: 10 } })).status, 200, 'one that has a price is let through')
      const ofTokens = await team({ budgets: [{ ...CNY, unit: 'tokens', amount: 10_000 }] })
      t.equal((await ask(ofTokens, way, { model: UNPRICED, parameters: { max_tokens: 10 } })).status, 200, 'and tokens have no currency')
      t.match(await seen(ofTokens, '/limits'), { limits: [{ used: Number }] })
    }
  })

  t.test(`${upstream}: unless the policy lets it through uncharged`, async (t) => {
    const { team, ask, seen, admin } = await startLimitedGateway(t, upstream, { yaml: yamlOf('policies: { unpriced_model: allow }') })
    for (const way of WAYS) {
      const caller = await team({ budgets: [CNY] })
      for (const [model, cost, currency] of [[UNPRICED, '0', null], [IN_DOLLARS, '0', 'USD']] as const) {
        t.match(await admin('POST', '/explain', { team: caller.team, model }), { json: { allowed: true, refused_by: null, limits: [{ requested: cost }] } })
        const reply = await ask(caller, way, { model, parameters: { max_tokens: 10 } })
        t.equal(reply.status, 200, `${nameOf(way)} ${model}`)
        const record = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
        t.match(record, { limits: [{ id: 'monthly', unit: 'CNY', requested: cost, used: '0' }] })
        t.equal(record.currency, currency)
        t.equal(record.cost_nano > 0, currency !== null, 'what it cost in its own currency is told all the same')
      }
      t.match(await seen(caller, '/limits'), { limits: [{ used: '0', held: '0' }] }, 'nothing is charged to the budget')
    }
  })
}

for (const upstream of SIDES) {
  t.test(`${upstream}: an answer that thought is charged at the price for these, whoever reported how much`, async (t) => {
    const { team, ask, seen, lastRequest } = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      const caller = await team({ budgets: [CNY] })
      for (const [enabled, outputNano] of [[false, 2_000], [true, 8_000]] as const) {
        // Answers in one piece may not think, and with a budget that nearly fits the answer is as long as it was asked to be.
        if (enabled && !way.stream) continue
        const reply = await ask(caller, way, { model: 'qwen-plus', parameters: { enable_thinking: enabled, thinking_budget: 1_000, max_tokens: 300 } })
        t.equal(reply.status, 200, nameOf(way))
        const record = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
        const { charge } = lastRequest()
        t.match(record.usage, { input_tokens: charge.inputTokens, output_tokens: charge.outputTokens, source: 'reported' })
        t.equal(record.usage.reasoning_tokens > 0, enabled)
        t.equal(record.cost_nano, charge.inputTokens * 800 + charge.outputTokens * outputNano)
        // 9 or so input tokens and 64 beside them, 300 and 1,000 output tokens at the dearest.
        t.ok(nanoOf(record.limits[0].requested) >= record.cost_nano, 'what was held is at least what it cost')
      }
    }
  })
}

function nanoOf (amount: string): number {
  return Math.round(Number(amount) * 1e9)
}

t.test('a new price holds from its millisecond on, for requests that come then', async (t) => {
  const yaml = `models:
  - name: ${MODEL}
    price:
      - { currency: CNY, input_per_1k: 0.002, output_per_1k: 0.006 }
      - { from: "2026-01-01T00:00:01.000Z", currency: CNY, input_per_1k: 0.2, output_per_1k: 0.6 }
      - { from: "2026-01-01T08:00:01.001+08:00", currency: USD, input_per_1k: 0.001, output_per_1k: 0.003 }`
  const { clock, team, ask, seen, admin, lastRequest, gateway, ended } = await startLimitedGateway(t, 'dashscope', { yaml })
  const caller = await team({ budgets: [{ ...CNY, period: 'total' }] })
  const way = { surface: 'openai', stream: false } as const
  const costs = async (): Promise<{ readonly perToken: number, readonly currency: string }> => {
    const reply = await ask(caller, way, { parameters: { max_tokens: 10 } })
    const { cost_nano: cost, currency } = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
    const { inputTokens, outputTokens } = lastRequest().charge
    return { perToken: cost / (inputTokens + 3 * outputTokens), currency }
  }
  // No prompt, 64 tokens beside it, and one of answer.
  const explained = async (): Promise<any> => (await admin('POST', '/explain', { team: caller.team, model: MODEL, input_tokens: 0, output_tokens_max: 1 })).json
  t.equal(clock.nowMs(), Date.UTC(2026, 0, 1))
  clock.advance(999)
  t.same(await costs(), { perToken: 2_000, currency: 'CNY' })
  t.match((await explained()).limits, [{ requested: '0.000134' }])

  // One that came before and ends after is charged at the price of when it came.
  const { arrived, ended: upstreamEnded } = watch(gateway.simulator, 'stall=3')
  const { request, response } = askOpen({ ...gateway, apiKey: caller.apiKey }, 'openai')
  const answer = await response
  await arrived
  clock.advance(1)
  request.socket?.resetAndDestroy()
  await upstreamEnded
  await ended(String(answer.headers['x-request-id']))
  const { usage, cost_nano: cost } = await seen(caller, `/requests/${String(answer.headers['x-request-id'])}`)
  t.equal(cost, usage.input_tokens * 2_000 + usage.output_tokens * 6_000)

  t.same(await costs(), { perToken: 200_000, currency: 'CNY' })
  t.match((await explained()).limits, [{ requested: '0.0134' }])
  clock.advance(1)
  t.equal((await ask(caller, way)).status, 403, 'there is no price in the budget\'s currency any more')
  t.match(await explained(), { refused_by: { code: 'permission_denied' } })
})
