import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { author, markerIn } from '../../support/fleet/wording.ts'
import { clientsOf } from './load.ts'
import { MODELS, paceOf, settingsOf, teamsOf } from './scene.ts'
import { openAccounts } from '../../support/fleet/accounts.ts'
import { openConnections } from './client.ts'
import { startFleet } from '../../support/fleet/fleet.ts'
import { startRedis } from '../../support/redis.ts'
import { startUpstream } from '../../support/fleet/upstream.ts'
import { startWires } from '../../support/fleet/wires.ts'
import type { Client } from './load.ts'
import type { Connections } from './client.ts'
import type { Fleet } from '../../support/fleet/fleet.ts'
import type { RequestRecord } from '../../../src/simulator/records.ts'
import type { Simulator } from '../../../src/simulator/simulator.ts'
import type { Size, TeamScene } from './scene.ts'
import type { Wires } from '../../support/fleet/wires.ts'

/** Everything that runs: Redis, the upstream, three gateways, and wires between them and Redis. */
export interface Stage {
  readonly teams: readonly TeamScene[]
  readonly clients: readonly Client[]
  readonly fleet: Fleet
  readonly wires: Wires
  /** Straight to Redis, over no wire that is cut. */
  readonly redis: Redis
  readonly simulator: Simulator
  readonly redisVersion: string
  readonly connections: Connections
  secretOf (client: Client): string
  clientOfKey (keyId: string): Client | undefined
  /** The upstream's records of what the gateways asked, by the ids that it gave in its answers. */
  upstreamRecords (): ReadonlyMap<string, RequestRecord>
  close (): Promise<void>
}

const GATEWAYS = 3
const RECORDS_MAX = 200_000
const UPSTREAM_KEY = 'sk-what-all-gateways-use-upstream'

export async function setStage (size: Size, seed: number): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = []
  async function close (): Promise<void> {
    for (const closeOne of closers.splice(0).reverse()) await closeOne()
  }
  try {
    return { ...await build(size, seed, (closer) => { closers.push(closer) }), close }
  } catch (cause) {
    await close()
    throw cause
  }
}

/** @param opened told of each part how to close it */
async function build (size: Size, seed: number, opened: (close: () => Promise<unknown>) => void): Promise<Omit<Stage, 'close'>> {
  const folder = await mkdtemp(join(tmpdir(), 'dashgate-overspend-'))
  opened(() => rm(folder, { recursive: true, force: true }))
  const server = await startRedis()
  opened(() => server.stop())
  const redis = new Redis(server.port, '127.0.0.1', { protocol: 2 })
  opened(async () => redis.disconnect())
  const { simulator, idOf } = await startUpstream({ pace: paceOf(size), author, requestsMax: RECORDS_MAX })
  opened(() => simulator.close())
  const wires = await startWires({ redisPort: server.port, wires: GATEWAYS, cutIntervalMs: size.cutIntervalMs, seed })
  opened(() => wires.close())
  const environments = wires.ports.map((port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` }))
  const fleet = await startFleet({ folder, yaml: yamlFor(simulator.url), environments })
  opened(() => fleet.close())
  const connections = openConnections()
  opened(() => connections.close())
  const teams = teamsOf(size)
  const clients = clientsOf(size, teams, 'ours')
  const accounts = await openAccounts(fleet, teams.map((team) => ({
    id: team.id, settings: settingsOf(team), members: clients.filter((client) => client.team === team)
  })))
  return {
    teams,
    clients,
    fleet,
    wires,
    redis,
    simulator,
    connections,
    redisVersion: /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown',
    secretOf: accounts.secretOf,
    clientOfKey: accounts.memberOfKey,
    upstreamRecords: () => new Map(simulator.requests.filter(({ key }) => key === UPSTREAM_KEY).map((record) => [idOf(record), record]))
  }
}

/** What the gateways know of the upstream, which speaks both protocols. */
function yamlFor (simulatorUrl: string): string {
  const upstream = (name: string, protocol: string, path: string): string =>
    `  - { name: ${name}, protocol: ${protocol}, base_url: "${simulatorUrl}${path}", keys: [${UPSTREAM_KEY}] }`
  const price = (perThousand: number): string => String(perThousand / 1e9)
  return [
    'store: { replicas: 3 }',
    'upstreams:',
    upstream('native', 'dashscope', '/api/v1'),
    upstream('compatible', 'openai', '/compatible-mode/v1'),
    'models:',
    ...MODELS.map((model) => `  - { name: ${model.name}, targets: [{ upstream: ${model.upstream} }], price: { currency: CNY, ` +
      `input_per_1k: ${price(model.inputNanoPer1k)}, output_per_1k: ${price(model.outputNanoPer1k)} } }`)
  ].join('\n')
}

/** How many requests of a team are open at the upstream at this moment. */
export function createOpenCount (simulator: Simulator): (team: TeamScene) => number {
  const markers = new WeakMap<RequestRecord, string>()
  let next = 0
  let open: RequestRecord[] = []

  function markerOf (record: RequestRecord): string {
    const known = markers.get(record) ?? markerIn(record.body)
    if (known !== '') markers.set(record, known)
    return known
  }

  return ({ id }) => {
    open.push(...simulator.requests.slice(next))
    next = simulator.requests.length
    open = open.filter(({ ending }) => ending === 'open')
    return open.filter((record) => record.key === UPSTREAM_KEY && markerOf(record).includes(`-${id}-`)).length
  }
}
