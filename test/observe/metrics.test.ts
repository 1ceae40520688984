import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createScene, TARGET } from '../relay/fakes.ts'

t.test('an exchange is counted under configured names only', async (t) => {
  const metrics = createMetrics()
  const { exchange, clock } = createScene()
  clock.advance(250)
  exchange.target = TARGET
  exchange.outcome = 'completed'
  exchange.firstContentMonotonicMs = 100
  exchange.usage = { inputTokens: 85, cachedInputTokens: 5, outputTokens: 195, reasoningTokens: 0, source: 'reported' }
  metrics.record(exchange, 250)
  const text = await metrics.registry.metrics()
  t.match(text, 'dashgate_requests_total{surface="openai",model="unknown",upstream="up",outcome="completed",error="none"} 1')
  t.match(text, 'dashgate_tokens_total{model="unknown",direction="input",source="reported"} 85')
  t.match(text, 'dashgate_tokens_total{model="unknown",direction="output",source="reported"} 195')
  t.match(text, 'dashgate_request_duration_seconds_sum{surface="openai",upstream="up"} 0.25')
  t.match(text, 'dashgate_first_content_seconds_sum{upstream="up"} 0.1')
})

t.test('made-up model names do not become series', async (t) => {
  const metrics = createMetrics()
  const series = async (): Promise<number> => (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('dashgate_requests_total')).length
  for (let request = 0; request < 500; request++) {
    const { exchange } = createScene()
    exchange.error = new GatewayError('model_not_found', `no model-${request}`)
    exchange.outcome = 'failed'
    metrics.record(exchange, 1)
  }
  t.equal(await series(), 1)
})

t.test('two servers in one process do not share their counts', async (t) => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.recordLost()
  t.match(await one.registry.metrics(), 'dashgate_ledger_lost_total 1')
  t.match(await other.registry.metrics(), 'dashgate_ledger_lost_total 0')
})
