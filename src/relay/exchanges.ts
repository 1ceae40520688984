/** The exchanges under way. Their records come after their answers, so whoever closes the store must wait for them. */
export interface Exchanges {
  track (exchange: Promise<void>): Promise<void>
  ended (): Promise<void>
}

export function createExchanges (): Exchanges {
  const running = new Set<Promise<void>>()
  return {
    async track (exchange) {
      running.add(exchange)
      try {
        await exchange
      } finally {
        running.delete(exchange)
      }
    },
    async ended () { await Promise.allSettled(running) }
  }
}
