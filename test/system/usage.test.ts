import t from 'tap'
import { startLimitedGateway, startStream } from '../support/limited-gateway.ts'

t.test('usage, the list of requests, and what is spent of a budget are one and the same', async (t) => {
  const limited = await startLimitedGateway(t, 'openai')
  const { team, key, ask, admin, clock } = limited
  const budgets = [{ id: 'all', unit: 'tokens' as const, period: 'total' as const, amount: 1_000_000 }, { id: 'money', unit: 'CNY', period: 'total' as const, amount: 100 }]
  const caller = await team({ budgets })
  const other = await key(caller, { budgets: [{ id: 'none', unit: 'tokens', period: 'total', amount: 0 }] })
  clock.advance(1_000)
  await ask(caller, { surface: 'openai', stream: false })
  await ask(caller, { surface: 'dashscope', stream: true })
  await ask(caller, { surface: 'openai', stream: true }, { model: 'qwen-max' })
  t.equal((await ask(other, { surface: 'openai', stream: false })).status, 429)
  const { end } = await startStream(limited, caller)
  await end()
  clock.advance(3_600_000)

  const { json: usage } = await admin('GET', `/usage?team=${caller.team}`)
  const { json: requests } = await admin('GET', `/requests?team=${caller.team}`)
  const { json: held } = await admin('GET', `/teams/${caller.team}/budgets`)
  const [tokens, money] = held.data
  const sum = (amountOf: (record: any) => number): number => requests.data.reduce((total: number, record: any) => total + amountOf(record), 0)
  t.equal(usage.totals.length, 1)
  const [total] = usage.totals
  t.match(total, { currency: 'CNY', requests: 4, errors: 0 })
  t.ok(total.total_tokens > 0 && total.cost_nano > 0)
  t.equal(total.total_tokens, sum(({ usage: used }) => used?.total_tokens ?? 0))
  t.equal(total.total_tokens, tokens.spent)
  t.equal(total.cost_nano, sum(({ cost_nano: cost }) => cost))
  t.equal(total.cost, money.spent)
  t.same(requests.data.map(({ outcome }: any) => outcome).sort(), ['client_closed', 'completed', 'completed', 'completed', 'refused'])

  const [refusal] = (await admin('GET', `/requests?status=429&key=${other.keyId}`)).json.data
  const { json: explained } = await admin('GET', `/requests/${refusal.request_id}`)
  t.match(explained, { outcome: 'refused', status: 429, error: 'budget_exhausted', billed_attempts: [] })
  t.match(explained.limits.find(({ allows }: any) => allows === false), { scope: 'key', id: 'none', amount: 0, remaining: 0 })
  for (const { request_id: id } of requests.data) t.equal((await admin('GET', `/requests/${id}`)).status, 200)
  const byModel = (await admin('GET', `/usage?team=${caller.team}&group_by=model,key&step=hour`)).json.data
  t.match(byModel, [{ key: caller.keyId, model: 'qwen-coder-turbo', requests: 3 }, { model: 'qwen-max', requests: 1 }])
})
