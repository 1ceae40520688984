import t from 'tap'
import { admit, admitAgain } from '../../src/relay/admit.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { failing, openScene } from './calls.ts'
import { principalOf } from '../support/accounts.ts'
import type { Limiter } from '../../src/limits/limiter.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { LimitReport } from '../../src/metering/limit-report.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'

const TOKENS: TokenCounter = { count: () => 11, countText: () => 0, close: async () => undefined }
const LIMITED = principalOf('search', { settings: { tokens_per_minute: 100_000 } })
const REPORT: LimitReport = {
  scope: 'team',
  perModelId: undefined,
  id: 'daily',
  kind: 'budget',
  unit: 'tokens',
  amount: 10,
  used: 10,
  held: 0,
  requested: 75,
  remaining: 0,
  allows: false,
  retryAfterMs: 5_000,
  resetsAtMs: 1
}

t.test('what nothing limits is not counted', async (t) => {
  const { exchange, opened } = openScene()
  const limiter = createOpenLimiter()
  const uncounted: TokenCounter = { ...TOKENS, count: () => { throw new Error('counted for nothing') } }
  await admit(exchange, opened.envelope, { tokens: uncounted, limiter })
  t.match(limiter.asked, [{ requestId: 'request-1', attempt: 1, amounts: { inputTokens: 0, outputTokens: 0 } }])
  t.match(exchange.admission, { status: 'admitted' })
})

t.test('what is limited is measured, and asked for in the names of its key and model', async (t) => {
  const { exchange, opened } = openScene({ principal: LIMITED, body: { max_tokens: 20 } })
  const limiter = createOpenLimiter()
  await admit(exchange, opened.envelope, { tokens: TOKENS, limiter })
  t.match(limiter.asked, [{ account: LIMITED.account, model: { name: 'qwen-coder-turbo' }, amounts: { inputTokens: 75, outputTokens: 20 } }])
  t.match(limiter.asked[0]?.expiryOf({ inputTokens: 75, outputTokens: 20, price: undefined }), {
    requestId: 'request-1', keyId: 'k', model: 'qwen-coder-turbo', surface: 'openai', outcome: 'expired', usage: { inputTokens: 75, outputTokens: 20 }, costNano: 0
  })
})

t.test('what is held goes up as the cap where the client has none', async (t) => {
  const open = async (body: object, principal = LIMITED): Promise<number | undefined> => {
    const { exchange, opened } = openScene({ principal, body })
    await admit(exchange, opened.envelope, { tokens: TOKENS, limiter: createOpenLimiter() })
    return exchange.outputTokensMax
  }
  t.equal(await open({}), 8_192)
  t.equal(await open({ max_tokens: 20 }), undefined, 'the client\'s own goes up as it is')
  t.equal(await open({}, principalOf()), undefined, 'nothing is held')
})

t.test('a cap that was lowered goes up and is told to the client', async (t) => {
  const { exchange, opened, headers } = openScene({ principal: LIMITED })
  const limiter = createOpenLimiter({ outputTokensFit: 17, headers: { 'x-ratelimit-limit-tokens': '9' } })
  await admit(exchange, opened.envelope, { tokens: TOKENS, limiter })
  t.equal(exchange.outputTokensMax, 17)
  t.match(headers, { 'x-dashgate-clamped': 'max_tokens=17', 'x-ratelimit-limit-tokens': '9' })
})

t.test('a refusal is thrown with its figures kept, and nothing is held', async (t) => {
  const { exchange, opened, headers } = openScene({ principal: LIMITED })
  const limiter: Limiter = {
    ...createOpenLimiter(),
    admit: async () => ({ status: 'refused', error: new GatewayError('budget_exhausted', 'spent'), reports: [REPORT], headers: { 'x-ratelimit-a': '1' } })
  }
  await t.rejects(admit(exchange, opened.envelope, { tokens: TOKENS, limiter }), failing({ kind: 'budget_exhausted' }))
  t.same(exchange.limits, [REPORT])
  t.equal(exchange.admission, undefined)
  t.equal(headers['x-ratelimit-a'], '1')
})

t.test('another attempt holds as much again, and what the client is told of its limits stays', async (t) => {
  const { exchange, opened, headers } = openScene({ principal: LIMITED, body: { max_tokens: 20 } })
  const limiter = createOpenLimiter({ headers: { 'x-ratelimit-a': '1' }, reports: [REPORT] })
  await admit(exchange, opened.envelope, { tokens: TOKENS, limiter })
  const again = createOpenLimiter({ headers: { 'x-ratelimit-a': '2' } })
  exchange.recordNumber = 2
  t.equal(await admitAgain(exchange, opened.envelope, { tokens: TOKENS, limiter: again }), true)
  t.match(again.asked, [{ attempt: 2, amounts: { inputTokens: 75, outputTokens: 20 } }])
  t.match(again.asked[0]?.expiryOf({ inputTokens: 75, outputTokens: 20, price: undefined }), { attempt: 2, superseded: false, limits: [REPORT] })
  await exchange.admission?.settle('void', {} as LedgerRecord)
  t.same([limiter.endings, again.endings], [[], ['released']], 'the new one is the one that runs')
  t.same([headers['x-ratelimit-a'], exchange.limits], ['1', [REPORT]])
})

t.test('where only less is left for another attempt, that is what goes up', async (t) => {
  const { exchange, opened, headers } = openScene({ principal: LIMITED, body: { max_tokens: 20 } })
  await admit(exchange, opened.envelope, { tokens: TOKENS, limiter: createOpenLimiter() })
  t.equal(exchange.outputTokensMax, undefined)
  await admitAgain(exchange, opened.envelope, { tokens: TOKENS, limiter: createOpenLimiter({ outputTokensFit: 17 }) })
  t.equal(exchange.outputTokensMax, 17)
  t.match(headers, { 'x-dashgate-clamped': 'max_tokens=17' })
})

t.test('where nothing is left for it, or nobody can say, the request holds nothing and has a place for its record', async (t) => {
  const refusals: readonly Limiter['admit'][] = [
    async () => ({ status: 'refused', error: new GatewayError('budget_exhausted', 'spent'), reports: [REPORT], headers: {} }),
    async () => { throw new GatewayError('store_unavailable', 'away') }
  ]
  for (const refuse of refusals) {
    const { exchange, opened } = openScene({ principal: LIMITED })
    const limiter = createOpenLimiter()
    await admit(exchange, opened.envelope, { tokens: TOKENS, limiter })
    const first = exchange.admission
    t.equal(await admitAgain(exchange, opened.envelope, { tokens: TOKENS, limiter: { ...limiter, admit: refuse } }), false)
    t.not(exchange.admission, first)
    await exchange.admission?.settle('void', {} as LedgerRecord)
    t.same(limiter.endings, ['released'])
  }
  const { exchange, opened } = openScene({ principal: LIMITED })
  const buggy: Limiter = { ...createOpenLimiter(), admit: async () => { throw new RangeError('a bug') } }
  await t.rejects(admitAgain(exchange, opened.envelope, { tokens: TOKENS, limiter: buggy }), RangeError)
})
