import { Pool } from 'undici'
import type { Upstream } from '../core/catalog.ts'

/** One connection carries one answer at a time, so this is also the number of live answers per origin and process. */
const CONNECTIONS_MAX = 4_096
const KEEP_ALIVE_TIMEOUT_MS = 55_000
const RESPONSE_HEADERS_BYTES_MAX = 32_768

/** Connection pools, one for each origin. */
export interface Pools {
  poolFor (upstream: Upstream): Pool
  /** Closes the pools of origins that are configured no more, once their answers have ended. */
  retain (upstreams: Iterable<Upstream>): void
  close (): Promise<void>
}

export function createPools (): Pools {
  const pools = new Map<string, Pool>()
  return {
    poolFor (upstream) {
      const key = poolKey(upstream)
      let pool = pools.get(key)
      if (pool === undefined) {
        pool = new Pool(new URL(upstream.baseUrl).origin, {
          connections: CONNECTIONS_MAX,
          pipelining: 1,
          allowH2: false,
          keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
          maxHeaderSize: RESPONSE_HEADERS_BYTES_MAX,
          // The relay has timers of its own: undici's run at a granularity of about a second.
          headersTimeout: 0,
          bodyTimeout: 0,
          connect: { timeout: upstream.timeouts.connectTimeoutMs }
        })
        pools.set(key, pool)
      }
      return pool
    },
    retain (upstreams) {
      const wanted = new Set([...upstreams].map(poolKey))
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue
        pools.delete(key)
        void pool.close()
      }
    },
    async close () {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools.clear()
    }
  }
}

function poolKey (upstream: Upstream): string {
  return `${new URL(upstream.baseUrl).origin} ${upstream.timeouts.connectTimeoutMs}`
}
