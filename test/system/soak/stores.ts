import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataFolderOf } from '../../support/fleet/fleet.ts'
import { DAY_MS } from '../../../src/store/retention.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { openEmbeddedBackend } from '../../../src/store/embedded/backend.ts'
import { openRedisBackend } from '../../../src/store/redis/backend.ts'
import { openSpool } from '../../../src/store/spool.ts'
import { pause } from '../../support/fleet/patience.ts'
import { startRedis } from '../../support/redis.ts'
import { startWires } from '../../support/fleet/wires.ts'
import { systemClock } from '../../../src/system.ts'
import type { Backend } from '../../../src/store/backend.ts'
import type { Cuts } from '../../support/fleet/wires.ts'
import type { Size } from './scene.ts'

export type StoreName = 'embedded' | 'redis'

/** A store, and what can befall it. */
export interface SoakStore {
  /** For each gateway, what its environment says of the store. */
  readonly environments: readonly Readonly<Record<string, string>>[]
  /** Is away for a while. */
  beAway (): Promise<void>
  /** From now on connections are cut. */
  startCutting (): void
  /** @returns how many were cut; undefined where there are none */
  stopCutting (): Promise<Cuts | undefined>
  /** What the gateways have left: they must have ended. */
  open (): Promise<Backend>
  /** Settlements in the gateways' spools that the store has not got, or has refused. */
  unsettled (): Promise<number>
  close (): Promise<void>
}

export interface SoakStoreDeps {
  readonly size: Size
  readonly seed: number
  /** In which every gateway has its own. */
  readonly folder: string
}

const GATEWAYS = 3
const RESERVE_TIMEOUT_MS = 1_000
const RETENTION = { ledgerMs: 30 * DAY_MS, usageMs: 30 * DAY_MS }
const refusalsLost = (count: number): never => { throw new Error(`${count} refusals were lost`) }

/** One gateway at a time, on its own data folder. */
async function embeddedStore ({ folder }: SoakStoreDeps): Promise<SoakStore> {
  return {
    environments: [{}],
    beAway: async () => {},
    startCutting () {},
    stopCutting: async () => undefined,
    open: async () => openEmbeddedBackend(openDatabase(dataFolderOf({ folder }, 0)), { clock: systemClock, retention: RETENTION, refusalsLost }),
    unsettled: async () => 0,
    close: async () => {}
  }
}

/** Three gateways, each over a wire of its own whose connections are cut. */
async function redisStore ({ size, seed, folder }: SoakStoreDeps): Promise<SoakStore> {
  const server = await startRedis()
  const wires = await startWires({ redisPort: server.port, wires: GATEWAYS, cutIntervalMs: size.cutIntervalMs, seed })
  return {
    environments: wires.ports.map((port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` })),
    async beAway () {
      server.kill('SIGSTOP')
      await pause(size.awayMs)
      server.kill('SIGCONT')
    },
    startCutting: () => wires.startCutting(),
    stopCutting: () => wires.stopCutting(),
    async open () {
      const settings = { url: server.url, reserveTimeoutMs: RESERVE_TIMEOUT_MS, retention: RETENTION, dataDir: await mkdtemp(join(folder, 'reader-')) }
      return await openRedisBackend(settings, { clock: systemClock, random: Math.random, report: () => {}, refusalsLost })
    },
    async unsettled () {
      let pending = 0
      for (const [place] of wires.ports.entries()) {
        const spool = openSpool(dataFolderOf({ folder }, place), { clock: systemClock, report: () => {}, createId: () => 'reader' })
        pending += spool.pending
        spool.close()
      }
      return pending
    },
    async close () {
      await wires.close()
      await server.stop()
    }
  }
}

export const STORES: Readonly<Record<StoreName, (deps: SoakStoreDeps) => Promise<SoakStore>>> = { embedded: embeddedStore, redis: redisStore }

export async function temporaryFolder (): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'dashgate-soak-'))
}
