import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { adminCall, startFleet, UPSTREAM_KEY } from './fleet.ts'
import { author, markerIn } from './plan.ts'
import { clientsOf } from './load.ts'
import { openConnections } from './client.ts'
import { identityOf } from '../../../src/simulator/identity.ts'
import { paceOf, settingsOf, teamsOf } from './scene.ts'
import { startRedis } from '../../support/redis.ts'
import { startSimulator } from '../../../src/simulator/simulator.ts'
import { startWires } from './wires.ts'
import { SYSTEM_CLOCK } from '../../../src/simulator/clock.ts'
import { until } from './patience.ts'
import type { Client } from './load.ts'
import type { Connections } from './client.ts'
import type { Fleet } from './fleet.ts'
import type { RequestRecord } from '../../../src/simulator/records.ts'
import type { Simulator } from '../../../src/simulator/simulator.ts'
import type { Size, TeamScene } from './scene.ts'
import type { Wires } from './wires.ts'

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
const KNOWN_TIMEOUT_MS = 10_000

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
  const { simulator, idOf } = await startUpstream(size)
  opened(() => simulator.close())
  const wires = await startWires({ redisPort: server.port, wires: GATEWAYS, cutIntervalMs: size.cutIntervalMs, seed })
  opened(() => wires.close())
  const fleet = await startFleet({ folder, simulatorUrl: simulator.url, redisPorts: wires.ports })
  opened(() => fleet.close())
  const connections = openConnections()
  opened(() => connections.close())
  const teams = teamsOf(size)
  const clients = clientsOf(size, teams, 'ours')
  return {
    teams,
    clients,
    fleet,
    wires,
    redis,
    simulator,
    connections,
    redisVersion: /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown',
    ...await openAccounts(fleet, teams, clients),
    upstreamRecords: () => new Map(simulator.requests.filter(({ key }) => key === UPSTREAM_KEY).map((record) => [idOf(record), record]))
  }
}

async function startUpstream (size: Size): Promise<{ simulator: Simulator, idOf: (record: RequestRecord) => string }> {
  // Its ids are made from when it started, which it asks of its clock first.
  let startedMs: number | undefined
  const clock = { ...SYSTEM_CLOCK, nowMs: () => { const nowMs = SYSTEM_CLOCK.nowMs(); startedMs ??= nowMs; return nowMs } }
  const simulator = await startSimulator({ pace: paceOf(size), author, requestsMax: RECORDS_MAX }, { clock })
  return { simulator, idOf: ({ sequence }) => identityOf(startedMs ?? 0, sequence, 0).requestId }
}

type Accounts = Pick<Stage, 'secretOf' | 'clientOfKey'>

/** A key for each client: so it is seen in the books whose request it was. */
async function openAccounts ({ seats }: Fleet, teams: readonly TeamScene[], clients: readonly Client[]): Promise<Accounts> {
  const [seat] = seats
  if (seat === undefined) throw new Error('there is no gateway')
  const secrets = new Map<Client, string>()
  const owners = new Map<string, Client>()
  await Promise.all(teams.map(async (team) => {
    await adminCall(seat, '/teams', { id: team.id, ...settingsOf(team) })
    for (const client of clients.filter((one) => one.team === team)) {
      const { id, secret } = await adminCall<{ id: string, secret: string }>(seat, `/teams/${team.id}/keys`, { name: client.name })
      secrets.set(client, secret)
      owners.set(id, client)
    }
  }))
  const secretOf = (client: Client): string => secrets.get(client) ?? ''
  for (const { url } of seats) {
    for (const team of teams) {
      const last = clients.findLast((client) => client.team === team)
      if (last === undefined) continue
      await until('the gateway knows all keys', KNOWN_TIMEOUT_MS, async () => {
        return (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secretOf(last)}` } })).ok
      })
    }
  }
  return { secretOf, clientOfKey: (keyId) => owners.get(keyId) }
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
