import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { METRICS, PROCESS_METRICS } from '../../src/observe/metric-names.ts'
import { TEAMS_MAX } from '../../src/observe/label-values.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createScene, TARGET } from '../relay/fakes.ts'
import { principalOf } from '../support/accounts.ts'
import { quietFigures } from '../support/live-figures.ts'
import { tierOf } from '../support/prices.ts'
import type { Catalog, Model } from '../../src/core/catalog.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { Metrics } from '../../src/observe/metrics.ts'
import type { MetricDefinition } from '../../src/observe/metric-names.ts'

const PRICES = [{ fromMs: 0, currency: 'CNY', tiers: [tierOf(1e9, 2_000, 6_000)] }]

function catalogOf (...names: readonly string[]): Catalog {
  const models = new Map(names.map((name) => [name, { name, targets: [TARGET], prices: PRICES } as unknown as Model]))
  return { models, resolve: (name) => models.get(name) } as Partial<Catalog> as Catalog
}

function recordOf (facts: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    requestId: 'r',
    timeMs: 0,
    team: 'default',
    keyId: 'k',
    model: 'm',
    upstreamModel: 'm',
    surface: 'openai',
    upstream: 'up',
    upstreamRequestId: undefined,
    stream: false,
    attempts: 1,
    outcome: 'completed',
    errorKind: undefined,
    costNano: 7,
    currency: 'CNY',
    usage: { inputTokens: 85, cachedInputTokens: 5, outputTokens: 195, reasoningTokens: 3, source: 'reported' },
    firstContentMs: undefined,
    durationMs: 1,
    limits: [],
    ...facts
  } as LedgerRecord
}

async function seriesOf (metrics: Metrics, start = ''): Promise<string[]> {
  return (await metrics.registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#') && line.startsWith(start))
}

t.test('all that is exposed is named in one file, and all that is named there is exposed', async (t) => {
  const metrics = createMetrics(quietFigures)
  const named = Object.values<MetricDefinition>(METRICS)
  const exposed = metrics.registry.getMetricsAsArray() as unknown as Array<MetricDefinition & { labelNames: string[], upperBounds?: number[] }>
  const own = exposed.filter(({ name }) => !(PROCESS_METRICS as readonly string[]).includes(name))
  t.same(own.map(({ name }) => name).sort(), named.map(({ name }) => name).sort())
  t.same(exposed.filter((metric) => !own.includes(metric)).map(({ name }) => name).sort(), [...PROCESS_METRICS].sort(), { skip: process.platform !== 'linux' })
  for (const { name, help, type, labels, buckets } of named) {
    const metric = own.find((candidate) => candidate.name === name)
    t.match(metric, { help, type, labelNames: labels, ...(buckets === undefined ? {} : { upperBounds: [...buckets] }) }, name)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: counters alone end in _total`)
    t.match(name, /^(dashgate|gen_ai)_[a-z_]+$/)
  }
})

t.test('an exchange is counted by how it ended, and its times', async (t) => {
  const catalog = catalogOf('m')
  const metrics = createMetrics(() => quietFigures(catalog))
  const { exchange } = createScene()
  Object.assign(exchange, { target: TARGET, model: catalog.models.get('m'), outcome: 'completed', firstContentMonotonicMs: 100 })
  exchange.tries.push({ target: TARGET, startedMonotonicMs: 0, endedMonotonicMs: 1, status: 500, upstreamRequestId: undefined, error: new GatewayError('upstream_failed', '') })
  exchange.tries.push({ target: TARGET, startedMonotonicMs: 1, endedMonotonicMs: 2, status: 200, upstreamRequestId: undefined, error: undefined })
  metrics.record(exchange, 250)
  const text = await metrics.registry.metrics()
  t.match(text, 'dashgate_requests_total{surface="openai",model="m",upstream="up",outcome="completed",error="none",status="2xx"} 1\n')
  t.match(text, 'dashgate_request_duration_seconds_sum{model="m",upstream="up"} 0.25\n')
  t.match(text, 'dashgate_first_content_seconds_sum{model="m",upstream="up"} 0.1\n')
  t.match(text, 'dashgate_upstream_attempts_total{upstream="up",error="none"} 1\n')
  t.match(text, 'dashgate_upstream_attempts_total{upstream="up",error="upstream_failed"} 1\n')
})

t.test('what is charged is counted as the ledger has it', async (t) => {
  const metrics = createMetrics(() => ({ ...quietFigures(catalogOf('m')), teams: ['default'] }))
  metrics.charged(recordOf())
  metrics.charged(recordOf({ costNano: 2 ** 40, usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 4, reasoningTokens: 0, source: 'reported', inputDetails: { image_tokens: 6 } } }))
  metrics.charged(recordOf({ currency: 'XTS', costNano: 1, usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, source: 'estimated' } }))
  const text = await metrics.registry.metrics()
  t.match(text, 'dashgate_tokens_total{model="m",direction="input",source="reported"} 95\n')
  t.match(text, 'dashgate_tokens_total{model="m",direction="reasoning",source="reported"} 3\n')
  t.match(text, 'dashgate_team_tokens_total{team="default",direction="output"} 199\n')
  t.match(text, `dashgate_cost_nano_total{model="m",upstream="up",currency="CNY"} ${7 + 2 ** 40}\n`)
  t.match(text, 'dashgate_cost_nano_total{model="m",upstream="up",currency="other"} 1\n', 'no currency of no price makes a series')
  t.match(text, `dashgate_team_cost_nano_total{team="default",currency="CNY"} ${7 + 2 ** 40}\n`)
  const labels = (modality: string): string => `{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m",gen_ai_token_modality="${modality}"}`
  t.match(text, `gen_ai_client_inference_usage_input_tokens_total${labels('text')} 89\n`)
  t.match(text, `gen_ai_client_inference_usage_input_tokens_total${labels('image')} 6\n`)
  t.match(text, `gen_ai_client_inference_usage_input_tokens_total${labels('unknown')} 0\n`, 'a call that failed counts 0 of nobody knows what')
  t.match(text, `gen_ai_client_inference_usage_cache_read_input_tokens_total${labels('text')} 5\n`)
  t.match(text, `gen_ai_client_inference_usage_reasoning_output_tokens_total${labels('text')} 3\n`)
  t.match(text, 'gen_ai_client_inference_operation_input_tokens_count{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m"} 3\n')
  t.notMatch(text, /gen_ai_client_token_usage/, 'nothing of the generation before')
})

t.test('made-up model names do not become series', async (t) => {
  const metrics = createMetrics(quietFigures)
  for (let request = 0; request < 500; request++) {
    const { exchange } = createScene()
    exchange.error = new GatewayError('model_not_found', `no model-${request}`)
    exchange.outcome = 'failed'
    metrics.record(exchange, 1)
  }
  t.equal((await seriesOf(metrics, 'dashgate_requests_total')).length, 1)
})

t.test('teams beyond the first few hundred share a series, and a team that is removed gives its own back', async (t) => {
  const teams = new Set<string>()
  const metrics = createMetrics(() => ({ ...quietFigures(), teams }))
  const ask = (team: string): void => {
    const { exchange } = createScene()
    metrics.record({ ...exchange, principal: principalOf(team), outcome: 'completed' }, 1)
  }
  for (let place = 0; place < TEAMS_MAX + 50; place++) {
    teams.add(`team-${place}`)
    ask(`team-${place}`)
  }
  t.equal((await seriesOf(metrics, 'dashgate_team_requests_total')).length, TEAMS_MAX + 1)
  t.equal((await seriesOf(metrics, 'dashgate_team_requests_total{team="_other"')).at(0)?.endsWith(' 50'), true)
  teams.delete('team-7')
  t.equal((await seriesOf(metrics, 'dashgate_team_requests_total{team="team-7"')).length, 0)
  ask(`team-${TEAMS_MAX}`)
  t.equal((await seriesOf(metrics, `dashgate_team_requests_total{team="team-${TEAMS_MAX}"`)).length, 1, 'and its place is free')
})

t.test('series of a model go with it, even those that a last request brings back; the ones of a new model begin with 0', async (t) => {
  const before = catalogOf('gone', 'kept')
  let catalog = before
  const metrics = createMetrics(() => quietFigures(catalog))
  const ask = (name: string): void => {
    const { exchange } = createScene()
    metrics.record({ ...exchange, model: before.models.get(name), target: TARGET, outcome: 'completed' }, 1)
    metrics.charged(recordOf({ model: name }))
  }
  for (const name of ['gone', 'kept']) ask(name)
  const whole = await seriesOf(metrics)
  t.ok(whole.some((line) => line.includes('"gone"')))
  catalog = catalogOf('kept', 'new')
  for (let scrape = 0; scrape < 2; scrape++) {
    const series = await seriesOf(metrics)
    t.same(series.filter((line) => line.includes('"gone"')), [], 'nothing speaks of a model that is gone')
    t.ok(series.some((line) => line.includes('_bucket{') && line.includes('"kept"')), 'what is still there keeps its counts')
    t.ok(series.includes('dashgate_cost_nano_total{model="new",upstream="up",currency="CNY"} 0'))
    ask('gone')
  }
})

t.test('what is under way is counted when the metrics are read', async (t) => {
  const { exchange } = createScene()
  const running = [exchange]
  const metrics = createMetrics(() => ({ ...quietFigures(), running }))
  exchange.tries.push({ target: TARGET, startedMonotonicMs: 0, endedMonotonicMs: undefined, status: undefined, upstreamRequestId: undefined, error: undefined })
  exchange.admission = { outputTokensHeld: 30 } as typeof exchange.admission
  exchange.inputTokensHeld = 12
  let text = await metrics.registry.metrics()
  for (const line of ['dashgate_requests_in_flight{surface="openai"} 1', 'dashgate_upstream_in_flight{upstream="up"} 1', 'dashgate_holds 1', 'dashgate_held_tokens 42']) {
    t.match(text, line)
  }
  running.pop()
  text = await metrics.registry.metrics()
  t.match(text, 'dashgate_holds 0')
  t.match(text, 'dashgate_held_tokens 0')
  t.notMatch(text, 'dashgate_requests_in_flight{surface="openai"} 1')
})

t.test('two servers in one process do not share their counts', async (t) => {
  const [one, other] = [createMetrics(quietFigures), createMetrics(quietFigures)]
  one.recordLost()
  one.reloaded('kept')
  t.match(await one.registry.metrics(), 'dashgate_ledger_lost_total 1')
  t.match(await one.registry.metrics(), 'dashgate_config_last_reload_ok 0')
  t.match(await other.registry.metrics(), 'dashgate_ledger_lost_total 0')
})
