import { Pool } from 'undici'
import type { Upstream } from '../core/catalog.ts'

/** One connection carries one answer at a time, so this is also the number of live answers per origin and process. */
const CONNECTIONS_MAX = 4_096
const KEEP_ALIVE_TIMEOUT_MS = 55_000
const RESPONSE_HEADERS_BYTES_MAX = 32_768

/** The way to an upstream: a pool of connections to its origin, and the path its calls begin with, without a closing slash. */
export interface Route { readonly pool: Pool, readonly basePath: string }

/** Connection pools, one for each origin. */
export interface Pools {
  routeTo (upstream: Upstream): Route
  /** Closes the pools of origins that are configured no more, once their answers have ended. */
  retain (upstreams: Iterable<Upstream>): void
  close (): Promise<void>
}

export function createPools (): Pools {
  const pools = new Map<string, Pool>()
  // A URL is parsed once for each upstream of a catalog and not for each of its requests.
  let routes = new WeakMap<Upstream, Route>()

  function poolOf (upstream: Upstream): Pool {
    const key = poolKey(upstream)
    const pool = pools.get(key) ?? openPool(upstream)
    pools.set(key, pool)
    return pool
  }

  return {
    routeTo (upstream) {
      let route = routes.get(upstream)
      if (route === undefined) {
        route = { pool: poolOf(upstream), basePath: new URL(upstream.baseUrl).pathname.replace(/\/+$/, '') }
        routes.set(upstream, route)
      }
      return route
    },
    retain (upstreams) {
      const wanted = new Set([...upstreams].map(poolKey))
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue
        pools.delete(key)
        void pool.close()
      }
      routes = new WeakMap()
    },
    async close () {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools.clear()
    }
  }
}

function openPool (upstream: Upstream): Pool {
  return new Pool(new URL(upstream.baseUrl).origin, {
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
}

function poolKey (upstream: Upstream): string {
  return `${new URL(upstream.baseUrl).origin} ${upstream.timeouts.connectTimeoutMs}`
}
