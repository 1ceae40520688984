import type { Exchange } from './exchange.ts'

/** The exchanges under way. Their records come after their answers, so whoever closes the store must wait for them. */
export interface Exchanges {
  track (ended: Promise<void>, exchange: Exchange): Promise<void>
  running (): Iterable<Exchange>
  ended (): Promise<void>
}

export function createExchanges (): Exchanges {
  const running = new Map<Exchange, Promise<void>>()
  return {
    async track (ended, exchange) {
      running.set(exchange, ended)
      try {
        await ended
      } finally {
        running.delete(exchange)
      }
    },
    running: () => running.keys(),
    async ended () { await Promise.allSettled(running.values()) }
  }
}
