import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { TARGET } from './fakes.ts'
import { costNano, costNanoMax } from '../../src/metering/prices.ts'
import { expiryOf, recordOf, supersededRecordOf } from '../../src/relay/record.ts'
import { openScene } from './calls.ts'
import { tierOf } from '../support/prices.ts'
import type { Price } from '../../src/core/catalog.ts'

const PRICE: Price = { currency: 'CNY', tiers: [{ ...tierOf(100, 5, 7), reasoningOutputNanoPerToken: 9 }, tierOf(1_000, 1, 2)] }

t.test('what expires is written down as all that was held, at the most it can have cost', async (t) => {
  const { exchange } = openScene({ body: { stream: true } })
  exchange.attempts = 1
  exchange.recordNumber = 2
  const record = expiryOf(exchange, { inputTokens: 150, outputTokens: 10, price: PRICE })
  t.match(record, {
    requestId: 'request-1',
    attempt: 2,
    attempts: 2,
    superseded: false,
    outcome: 'expired',
    stream: true,
    upstream: '',
    upstreamModel: '',
    currency: 'CNY',
    usage: { inputTokens: 150, outputTokens: 10, source: 'estimated' },
    costNano: costNanoMax(150, 10, PRICE)
  })
  t.equal(record.costNano, 100 * 5 + 10 * 9, 'a shorter prompt, and thoughts, would have been dearer')
  t.ok(record.costNano >= costNano(record.usage, PRICE))
  t.match(expiryOf(exchange, { inputTokens: 1, outputTokens: 1, price: undefined }), { costNano: 0, currency: undefined })
})

t.test('the price is the one that was in force when the request came', async (t) => {
  const { exchange, clock } = openScene()
  exchange.target = TARGET
  exchange.price = PRICE
  clock.advance(10)
  const usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 1 }
  t.match(recordOf(exchange, { usage, outcome: 'completed', error: undefined, nowMonotonicMs: clock.monotonicMs() }), {
    costNano: 57, currency: 'CNY', durationMs: 10, timeMs: clock.nowMs() - 10, superseded: false, model: 'qwen-coder-turbo'
  })
  t.match(supersededRecordOf(exchange, { usage, error: new GatewayError('upstream_failed', 'reset'), nowMonotonicMs: 10 }), {
    costNano: 57, superseded: true, outcome: 'failed', errorKind: 'upstream_failed', status: 502
  })
})

t.test('no record holds a word of a prompt', async (t) => {
  const { exchange } = openScene({ body: { messages: [{ role: 'user', content: 'CANARY' }], user: 'CANARY' } })
  const records = [
    expiryOf(exchange, { inputTokens: 1, outputTokens: 1, price: PRICE }),
    recordOf(exchange, { usage: NO_USAGE, outcome: 'failed', error: new GatewayError('invalid_request', 'CANARY'), nowMonotonicMs: 0 })
  ]
  t.notMatch(JSON.stringify(records), 'CANARY')
})
