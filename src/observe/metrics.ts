import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { createStoreMetrics } from './store-metrics.ts'
import type { StoreMetrics } from './store-metrics.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Exchange } from '../relay/exchange.ts'

/** Every metric this process exposes. Labels take configured names and closed lists only, so the series are bounded. */
export interface Metrics {
  readonly registry: Registry
  readonly store: StoreMetrics
  record (exchange: Exchange, durationMs: number): void
  /** A request that was refused before it became an exchange: no key, no such route, broken framing. */
  recordRefused (error: GatewayError): void
  /** A ledger record that could not be written. */
  recordLost (): void
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

export function createMetrics (): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'dashgate_' })
  const requests = new Counter({
    name: 'dashgate_requests_total',
    help: 'Requests that have ended, by how. error is the kind of error, or none.',
    labelNames: ['surface', 'model', 'upstream', 'outcome', 'error'],
    registers
  })
  const tokens = new Counter({
    name: 'dashgate_tokens_total',
    help: 'Tokens charged. direction is input, cached, output or reasoning; cached and reasoning are part of the other two.',
    labelNames: ['model', 'direction', 'source'],
    registers
  })
  const { duration, firstContent } = createHistograms(registry)

  const refused = new Counter({
    name: 'dashgate_refused_total', help: 'Requests refused before they were read, by kind of error.', labelNames: ['error'], registers
  })
  const lost = new Counter({ name: 'dashgate_ledger_lost_total', help: 'Ledger records that could not be written.', registers })

  const store = createStoreMetrics(registry)

  return {
    registry,
    store,
    recordRefused (error) { refused.inc({ error: error.kind }) },
    recordLost () { lost.inc() },
    record (exchange, durationMs) {
      // A name that is in no catalog was made up by a client: it must not become a series.
      const model = exchange.model?.name ?? 'unknown'
      const upstream = exchange.target?.upstream.name ?? 'none'
      const surface = exchange.surface.name
      requests.inc({ surface, model, upstream, outcome: exchange.outcome ?? 'failed', error: exchange.error?.kind ?? 'none' })
      if (exchange.admission === undefined) store.refusedByLimit(exchange)
      duration.observe({ surface, upstream }, durationMs / 1000)
      if (exchange.firstContentMonotonicMs !== undefined) {
        firstContent.observe({ upstream }, (exchange.firstContentMonotonicMs - exchange.startedMonotonicMs) / 1000)
      }
      if (exchange.usage === undefined) return
      const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, source } = exchange.usage
      tokens.inc({ model, direction: 'input', source }, inputTokens)
      tokens.inc({ model, direction: 'cached', source }, cachedInputTokens)
      tokens.inc({ model, direction: 'output', source }, outputTokens)
      tokens.inc({ model, direction: 'reasoning', source }, reasoningTokens)
    }
  }
}

function createHistograms (registry: Registry): { readonly duration: Histogram, readonly firstContent: Histogram } {
  const common = { buckets: SECONDS, registers: [registry] }
  return {
    duration: new Histogram({
      ...common, name: 'dashgate_request_duration_seconds', help: 'Time from the request to the end of its answer.', labelNames: ['surface', 'upstream']
    }),
    firstContent: new Histogram({
      ...common, name: 'dashgate_first_content_seconds', help: 'Time from the request to the first generated content of a stream.', labelNames: ['upstream']
    })
  }
}
