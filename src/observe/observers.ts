import { causeOf, logExchange } from './logger.ts'
import { logTrouble } from './trouble-log.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from '../relay/exchange.ts'
import type { GatewayError } from '../core/errors.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Tracing } from './tracing.ts'
import type { TroubleEvent } from '../limits/trouble.ts'

/** What the gateway tells the outside world of itself. */
export interface Observers {
  record (exchange: Exchange): void
  refused (error: GatewayError): void
  unsettled (exchange: Exchange, cause: unknown): void
  trouble (event: TroubleEvent): void
  refusalsLost (count: number, cause: unknown): void
  /** A record that goes into the ledger. */
  charged (record: LedgerRecord): void
}

export interface ObserversDeps { readonly clock: Clock, readonly logger: Logger }

export function createObservers (metrics: Metrics, tracing: Tracing | undefined, { clock, logger }: ObserversDeps): Observers {
  return {
    record (exchange) {
      const durationMs = Math.round(clock.monotonicMs() - exchange.startedMonotonicMs)
      metrics.record(exchange, durationMs)
      logExchange(logger, exchange, durationMs)
      tracing?.record(exchange)
    },
    refused (error) {
      metrics.recordRefused(error)
      if (error.kind === 'internal') logger.error({ cause: causeOf(error.cause) }, 'request failed')
    },
    unsettled (exchange, cause) {
      metrics.recordLost()
      logger.error({ requestId: exchange.requestId, cause: causeOf(cause) }, 'a request could not be settled')
    },
    trouble (event) {
      metrics.store.trouble(event)
      logTrouble(logger, event)
    },
    charged: metrics.charged,
    refusalsLost (count, cause) {
      metrics.refusalsLost(count)
      logger.warn({ count, cause: causeOf(cause) }, 'refusals could not be written down')
    }
  }
}
