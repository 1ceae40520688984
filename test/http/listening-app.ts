import { KEYRING } from '../support/keyring.ts'
import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import { buildApp } from '../../src/http/app.ts'
import { buildCatalog } from '../../src/config/catalog.ts'
import { createAuthenticate } from '../../src/accounts/authenticate.ts'
import { createPools } from '../../src/upstream/pools.ts'
import { createSend } from '../../src/upstream/send.ts'
import { createTokenCounter } from '../../src/tokens/counter.ts'
import { keyDigest } from '../../src/accounts/keys.ts'
import { loadConfig } from '../../src/config/load.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'
import { principalOf } from '../support/accounts.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../../src/system.ts'
import type { AppDeps } from '../../src/http/deps.ts'
import type { ConnectionLimits } from '../../src/http/limits.ts'
import type { Exchange } from '../../src/relay/exchange.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts'

export interface ListeningAppOptions {
  readonly bodyBytesMax?: number
  readonly limits?: Partial<ConnectionLimits>
  readonly simulator?: SimulatorOptions
  readonly deps?: Partial<AppDeps>
}

/** The inference listener alone, on a real port, with its records in memory. */
export interface ListeningApp {
  readonly app: FastifyInstance
  readonly url: string
  readonly apiKey: string
  readonly simulator: Simulator
  /** What was charged, oldest first. */
  readonly charged: readonly LedgerRecord[]
  /** Resolves once so many exchanges have ended. */
  ended (count: number): Promise<readonly Exchange[]>
  /** Open connections. */
  connections (): Promise<number>
  close (): Promise<void>
}

const API_KEY = 'sk-key-of-the-http-tests'
const PEPPER = 'pepper'

export async function startApp (options: ListeningAppOptions = {}): Promise<ListeningApp> {
  const simulator = await startSimulator(options.simulator ?? {})
  const pools = createPools()
  const tokens = createTokenCounter({ inlineBytesMax: 65_536 })
  const limiter = createOpenLimiter()
  const charged = limiter.records
  const exchanges: Exchange[] = []
  const waiting = new Set<() => void>()
  const catalog = buildCatalog(configFor(simulator.url), PROTOCOLS)
  const digest = keyDigest(PEPPER, API_KEY)
  const authenticate = createAuthenticate({ findByDigest: (given) => given === digest ? principalOf('a').account : undefined }, {
    peppers: { current: PEPPER, previous: undefined }, clock: systemClock, outdated () {}
  })
  const app = buildApp({ bodyBytesMax: options.bodyBytesMax ?? 1_048_576, limits: options.limits ?? {} }, {
    clock: systemClock,
    ids: systemIds,
    random: () => 0,
    tokens,
    limiter,
    refusals: { append () {}, find: async () => undefined, list: async () => [] },
    explanations: { limitsOf: async () => [] },
    ledger: { find: async (id) => charged.filter(({ requestId }) => requestId === id), list: async () => [] },
    protocols: [...PROTOCOLS.values()],
    send: createSend(pools, systemClock),
    keyring: KEYRING,
    authenticate,
    authenticateFresh: async (headers, address) => authenticate(headers, address),
    currentCatalog: () => catalog,
    refused: () => {},
    unsettled: () => {},
    track: (exchange) => exchange,
    readiness: () => 'ok',
    record (exchange) {
      exchanges.push(exchange)
      for (const check of waiting) check()
    },
    ...options.deps
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    app,
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    apiKey: API_KEY,
    simulator,
    charged,
    ended: async (count) => await new Promise((resolve) => {
      const check = (): void => { if (exchanges.length >= count) resolve(exchanges) }
      waiting.add(check)
      check()
    }),
    connections: async () => await new Promise((resolve, reject) => {
      app.server.getConnections((error, count) => error === null ? resolve(count) : reject(error))
    }),
    async close () {
      app.server.closeAllConnections()
      await app.close()
      await Promise.all([pools.close(), tokens.close(), simulator.close()])
    }
  }
}

function configFor (simulatorUrl: string): ReturnType<typeof loadConfig>['config'] {
  const yaml = [
    'upstreams:',
    '  - name: sim',
    '    protocol: openai',
    `    base_url: ${simulatorUrl}/compatible-mode/v1`,
    '    keys: [sk-upstream]',
    '    builtin_models: true'
  ].join('\n')
  return loadConfig({ flags: {}, environment: { DASHGATE_CONFIG: 'test.yaml' }, readFile: () => yaml }).config
}
