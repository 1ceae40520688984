import { mkdtempSync, rmSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { buildCatalog } from '../../../src/config/catalog.ts'
import { connect } from '../../store/redis/open-store.ts'
import { createClientKey, keyDigest } from '../../../src/accounts/keys.ts'
import { createLogger } from '../../../src/observe/logger.ts'
import { createRedisAccounts } from '../../../src/store/redis/accounts.ts'
import { createVault } from '../../../src/upstream/vault.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { openDirectory } from '../../../src/accounts/directory.ts'
import { PROTOCOLS } from '../../../src/protocols/registry.ts'
import { startRedis } from '../../support/redis.ts'
import { startServer } from '../../../src/server.ts'
import { startSimulator } from '../../../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../../../src/system.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { ClientKey } from '../../../src/accounts/account.ts'
import type { Directory } from '../../../src/accounts/directory.ts'
import type { RedisServer } from '../../support/redis.ts'
import type { RunningServer } from '../../../src/server.ts'
import type { Simulator } from '../../../src/simulator/simulator.ts'
import type { Vault } from '../../../src/upstream/vault.ts'

/** Gateways that share a Redis, and somebody who sets up accounts over it as yet another gateway would. */
export interface Replicas {
  readonly redis: RedisServer
  readonly simulator: Simulator
  readonly servers: readonly RunningServer[]
  /** Everything that any of them has logged, a line each. */
  readonly logLines: readonly string[]
  readonly directory: Directory
  readonly vault: Vault
  /** A new secret of a key, and its digest. */
  newSecret (id?: string): { readonly id: string, readonly secret: string, readonly digest: string }
  /** A new team with a key. */
  team (id: string): Promise<{ readonly key: ClientKey, readonly secret: string }>
  /** One request. Gives the status of the answer once all of it has been read. The prompt names the gateway. */
  ask (server: RunningServer, secret: string): Promise<number>
  /** Ends a gateway and starts another in its place, with other secrets. */
  restart (place: number, secrets: Secrets): Promise<void>
}

export interface ReplicasOptions {
  readonly count: number
  /** For each gateway; by default the system's. */
  readonly clocks?: readonly Clock[]
  /** YAML of the upstreams. */
  readonly upstreams: (simulatorUrl: string) => string
  readonly secrets?: Secrets
}

export interface Secrets { readonly current: string, readonly previous?: string }

export const SECRET = 'the-secret-of-the-gateways-that-rotate'
const MODEL = 'qwen-coder-turbo'

/** By it the upstream's records tell which gateway has asked. */
export function promptAt ({ inferenceUrl }: RunningServer): string {
  return `hi from ${inferenceUrl}`
}

export async function startReplicas (t: Test, options: ReplicasOptions): Promise<Replicas> {
  const redis = await startRedis()
  const simulator = await startSimulator({ requestsMax: 100_000 })
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-rotation-'))
  const connection = await connect(redis.url)
  const logLines: string[] = []
  const secrets = options.secrets ?? { current: SECRET }
  const servers: RunningServer[] = []
  t.teardown(async () => {
    await Promise.all(servers.map((server) => server.close()))
    connection.close()
    await Promise.all([simulator.close(), redis.stop()])
    rmSync(folder, { recursive: true, force: true })
  })

  async function begin (place: number, { current, previous }: Secrets): Promise<RunningServer> {
    const { config } = loadConfig({
      flags: {},
      environment: {
        DASHGATE_CONFIG: 'test.yaml', REDIS_URL: redis.url, DASHGATE_SECRET: current, DASHGATE_SECRET_PREVIOUS: previous, DASHGATE_DATA_DIR: join(folder, String(place))
      },
      readFile: () => `store: { timeout: 300ms }\nadmin: { port: 0 }\nserver: { port: 0 }\n${options.upstreams(simulator.url)}`
    })
    return await startServer(config, buildCatalog(config, PROTOCOLS), {
      clock: options.clocks?.[place] ?? systemClock,
      ids: systemIds,
      random: Math.random,
      logger: createLogger('info', { write: (line) => { logLines.push(line) } })
    })
  }

  for (let place = 0; place < options.count; place++) servers.push(await begin(place, secrets))
  const directory = await openDirectory(createRedisAccounts(connection.client), systemClock)

  function newSecret (id?: string): ReturnType<Replicas['newSecret']> {
    const made = createClientKey((below) => randomInt(below), id)
    return { ...made, digest: keyDigest(secrets.current, made.secret) }
  }

  return {
    redis,
    simulator,
    servers,
    logLines,
    directory,
    vault: createVault({ current: secrets.current, previous: undefined }),
    newSecret,
    async team (id) {
      await directory.createTeam(id, {}, undefined)
      const { id: keyId, secret, digest } = newSecret()
      return { secret, key: await directory.createKey({ id: keyId, team: id, digest, settings: {} }, undefined) }
    },
    async ask (server, secret) {
      const response = await fetch(`${server.inferenceUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: promptAt(server) }] })
      })
      await response.arrayBuffer()
      return response.status
    },
    async restart (place, next) {
      await servers[place]?.close()
      servers[place] = await begin(place, next)
    }
  }
}
