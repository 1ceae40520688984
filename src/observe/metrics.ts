import { Registry } from 'prom-client'
import { addProcessMetrics } from './process-metrics.ts'
import { createInstruments } from './instruments.ts'
import { createLabelValues } from './label-values.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { setUnderWay } from './live-metrics.ts'
import { createStoreMetrics } from './store-metrics.ts'
import { startAtZero, startCatalogAtZero } from './zeros.ts'
import type { Catalog } from '../core/catalog.ts'
import type { GatewayError } from '../core/errors.ts'
import type { LiveFigures } from './live-metrics.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { StoreMetrics } from './store-metrics.ts'

/** Every metric this process exposes. Labels take configured names and closed lists only, so the series are bounded. */
export interface Metrics extends RequestMetrics {
  readonly registry: Registry
  readonly store: StoreMetrics
  /** A request that was refused before it became an exchange: no key, no such route, broken framing. */
  recordRefused (error: GatewayError): void
  /** A ledger record that could not be written. */
  recordLost (): void
  refusalsLost (count: number): void
  reloaded (result: 'applied' | 'kept'): void
  spans (result: 'exported' | 'lost', count: number): void
  /** How late a timer was. */
  late (delayMs: number): void
}

export function createMetrics (live: () => LiveFigures): Metrics {
  let fresh: Catalog | undefined
  const registry = new FreshRegistry(async () => {
    const figures = live()
    const { catalog } = figures
    await labels.prune(instruments)
    if (fresh !== catalog) startCatalogAtZero(instruments, fresh = catalog)
    store.refresh()
    setUnderWay(instruments, figures)
  })
  const instruments = createInstruments(registry)
  const labels = createLabelValues(live)
  const requests = createRequestMetrics(instruments, labels)
  const store = createStoreMetrics(instruments)
  addProcessMetrics(registry, instruments)
  startAtZero(instruments)
  return {
    registry,
    store,
    record: requests.record,
    charged: requests.charged,
    recordRefused (error) { instruments.refused.inc({ error: error.kind }) },
    recordLost () { instruments.ledgerLost.inc() },
    refusalsLost (count) { instruments.refusalsLost.inc(count) },
    reloaded (result) {
      instruments.reloads.inc({ result })
      instruments.reloadOk.set(result === 'applied' ? 1 : 0)
    },
    spans (result, count) { instruments.spans.inc({ result }, count) },
    late (delayMs) { instruments.eventLoop.observe(delayMs / 1000) }
  }
}

/** Brings up to date what is not counted as it happens, whenever the metrics are read. */
class FreshRegistry extends Registry {
  readonly #refresh: () => Promise<void>

  constructor (refresh: () => Promise<void>) {
    super()
    this.#refresh = refresh
  }

  override async metrics (): Promise<string> {
    await this.#refresh()
    return await super.metrics()
  }
}
