import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ADMIN_TOKEN_FILE } from '../../../src/accounts/admin-token.ts'
import { buildCatalog } from '../../../src/config/catalog.ts'
import { createLogger } from '../../../src/observe/logger.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { PROTOCOLS } from '../../../src/protocols/registry.ts'
import { startServer } from '../../../src/server.ts'
import { startSimulator } from '../../../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../../../src/system.ts'
import { PATHS } from '../../support/scene.ts'
import { post } from '../../support/http.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis } from '../../support/redis.ts'
import { createGate } from './gate.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { FaultProxy } from '../../support/fault-proxy.ts'
import type { Gate } from './gate.ts'
import type { RedisServer } from '../../support/redis.ts'
import type { Reply } from '../../support/http.ts'
import type { RunningServer } from '../../../src/server.ts'
import type { Side } from '../../support/scene.ts'
import type { Simulator } from '../../../src/simulator/simulator.ts'
import type { TeamSettings } from '../../../src/accounts/account.ts'

export interface Caller { readonly team: string, readonly apiKey: string }

/** A gateway, its upstream, and the wire from it to Redis. */
export interface FaultScene {
  readonly proxy: FaultProxy
  readonly simulator: Simulator
  /** Holds the upstream's streams up. */
  readonly gate: Gate
  /** The Redis of the moment; `useRedis` leads the wire to another. */
  readonly redis: RedisServer
  useRedis (redis: RedisServer): void
  readonly server: RunningServer
  readonly logLines: readonly string[]
  /** A new team with a key, limited in every way, but so that no limit is in the way. */
  team (settings?: TeamSettings): Promise<Caller>
  /** A request, answered. Prompts hold the canary. */
  ask (caller: Caller, surface: Side, stream?: 'stream'): Promise<Reply>
  metric (name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** As `/readyz` tells it, for example `503 starting`. */
  readiness (): Promise<string>
  /** Ends the gateway, and starts another on the same data folder. */
  restart (): Promise<void>
  /** Words that must be in no log. */
  readonly secrets: readonly string[]
}

export interface SceneOptions {
  /** Options of redis-server. */
  readonly redis?: readonly string[]
  readonly clock?: Clock
  /** Called before the gateway starts. */
  readonly before?: (proxy: FaultProxy) => void
  readonly upstream?: Side
}

export const CANARY = 'canary-4f1d-of-the-prompt'
const SECRETS = {
  bootstrap: 'sk-test-key-of-the-test-suites',
  upstream: 'sk-upstream-key-of-the-tests',
  master: 'the-master-secret-of-the-test-suites'
}
/** So large that only faults refuse anything. */
const LIMITS: TeamSettings = {
  requests_per_minute: 100_000,
  tokens_per_minute: 100_000_000,
  concurrent_requests: 1_000,
  budgets: [{ id: 'daily', unit: 'tokens', period: 'day', amount: 1_000_000_000 }, { id: 'money', unit: 'CNY', period: 'total', amount: 100_000 }]
}

export async function startFaultScene (t: Test, options: SceneOptions = {}): Promise<FaultScene> {
  let redis = await startRedis(...options.redis ?? [])
  const redises = [redis]
  const proxy = await startFaultProxy(redis.port)
  options.before?.(proxy)
  const gate = createGate()
  const simulator = await startSimulator({ pace: { chunkIntervalMs: 1 } }, { clock: gate })
  const dataDir = mkdtempSync(join(tmpdir(), 'dashgate-faults-'))
  const logLines: string[] = []
  let teams = 0

  async function live (): Promise<RunningServer> {
    const { config } = loadConfig({
      flags: {},
      environment: { DASHGATE_CONFIG: 'test.yaml', REDIS_URL: `redis://127.0.0.1:${proxy.port}`, DASHGATE_SECRET: SECRETS.master },
      readFile: () => yamlFor(simulator.url, dataDir, options.upstream ?? 'dashscope')
    })
    return await startServer(config, buildCatalog(config, PROTOCOLS), {
      clock: options.clock ?? systemClock,
      ids: systemIds,
      random: Math.random,
      logger: createLogger('info', { write: (line) => { logLines.push(line) } })
    })
  }

  let running: RunningServer | undefined
  t.teardown(async () => {
    proxy.mend()
    proxy.carriage = 'open'
    gate.open()
    await running?.close()
    await Promise.all([proxy.close(), simulator.close(), ...redises.map((one) => one.stop())])
    rmSync(dataDir, { recursive: true, force: true })
  })
  let server = running = await live()
  const adminToken = readFileSync(join(dataDir, ADMIN_TOKEN_FILE), 'utf8').trim()

  async function created (path: string, body: object): Promise<any> {
    const response = await fetch(`${server.adminUrl}/admin/v1${path}`, {
      method: 'POST', headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify(body)
    })
    if (response.status !== 201) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return await response.json()
  }

  return {
    proxy,
    simulator,
    gate,
    logLines,
    secrets: [CANARY, adminToken, ...Object.values(SECRETS)],
    get redis () { return redis },
    get server () { return server },
    useRedis (next) {
      redis = next
      redises.push(next)
      proxy.targetPort = next.port
    },
    async team (settings = {}) {
      const id = `team-${++teams}`
      await created('/teams', { id, ...LIMITS, ...settings })
      const { secret } = await created(`/teams/${id}/keys`, {})
      return { team: id, apiKey: secret }
    },
    ask: (caller, surface, stream) => post({ url: server.inferenceUrl, apiKey: caller.apiKey }, PATHS[surface], ...requestOf(caller, surface, stream)),
    async metric (name, labels = {}) {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text()
      let sum = 0
      for (const [, label = '', value] of text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))) {
        if (Object.entries(labels).every(([key, word]) => label.includes(`${key}="${word}"`))) sum += Number(value)
      }
      return sum
    },
    async readiness () {
      const answer = await fetch(`${server.adminUrl}/readyz`)
      return `${answer.status} ${(await answer.json() as { status: string }).status}`
    },
    async restart () {
      await server.close()
      server = running = await live()
    }
  }
}

/** Body and headers. The prompt names its team, so that the upstream's records tell whose it was. */
function requestOf ({ team }: Caller, surface: Side, stream: 'stream' | undefined): [object, Record<string, string>] {
  const messages = [{ role: 'user', content: `${CANARY} ${team}. ${randomUUID()}` }]
  const model = 'qwen-coder-turbo'
  if (surface === 'openai') return [{ model, messages, max_tokens: 200, stream: stream !== undefined }, {}]
  const parameters = { result_format: 'message', max_tokens: 200, ...(stream === undefined ? {} : { incremental_output: true }) }
  return [{ model, input: { messages }, parameters }, stream === undefined ? {} : { 'x-dashscope-sse': 'enable' }]
}

function yamlFor (simulatorUrl: string, dataDir: string, upstream: Side): string {
  return [
    // A busy machine must not look like a slow store.
    `store: { data_dir: ${JSON.stringify(dataDir)}, timeout: 300ms }`,
    `secrets: { bootstrap_key: ${SECRETS.bootstrap} }`,
    'admin: { port: 0 }',
    'server: { port: 0 }',
    'upstreams:',
    '  - name: sim',
    `    protocol: ${upstream}`,
    `    base_url: ${simulatorUrl}${upstream === 'dashscope' ? '/api/v1' : '/compatible-mode/v1'}`,
    `    keys: [${SECRETS.upstream}]`,
    '    builtin_models: true'
  ].join('\n')
}
