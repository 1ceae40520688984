import t from 'tap'
import { MODEL, WAYS, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { SIDES } from '../support/scene.ts'

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
