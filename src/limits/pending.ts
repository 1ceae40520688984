import type { Clock } from '../core/clock.ts'
import type { Report } from './trouble.ts'
import type { SettleCall, SettleReply } from './store.ts'
import type { Spool } from './spool.ts'

/** What the store has not acknowledged: in the spool, or in memory where there is none or it cannot be written. */
export interface Pending {
  readonly size: number
  oldestMs (): number
  /** Resolves when it is kept, as well as can be. @returns false where there is no place left for it anywhere */
  add (call: SettleCall): Promise<boolean>
  /** Some of them, the next ones each time, round and round. */
  next (): SettleCall[]
  /** @returns whether it is out of the way: what could not be written comes again */
  settled (call: SettleCall, reply: SettleReply): Promise<boolean>
  bury (call: SettleCall): Promise<boolean>
}

export interface PendingDeps {
  readonly clock: Clock
  readonly report: Report
  readonly spool: Spool | undefined
}

/** About a kilobyte each. */
const MEMORY_MAX = 100_000
const BATCH_MAX = 256

export function createPending ({ clock, report, spool }: PendingDeps): Pending {
  const memory = new Map<string, { readonly call: SettleCall, readonly sinceMs: number }>()
  let afterPlace = 0

  async function written (write: Promise<void> | undefined): Promise<boolean> {
    try {
      await write
      return true
    } catch (cause) {
      report({ kind: 'upkeep_failed', cause })
      return false
    }
  }

  return {
    get size () { return memory.size + (spool?.pending ?? 0) },
    oldestMs () {
      const oldest = memory.values().next().value
      return Math.max(spool?.oldestMs() ?? 0, oldest === undefined ? 0 : clock.monotonicMs() - oldest.sinceMs)
    },
    async add (call) {
      if (spool !== undefined && await written(spool.add(call))) return true
      if (memory.size >= MEMORY_MAX) return false
      if (!memory.has(keyOf(call))) memory.set(keyOf(call), { call, sinceMs: clock.monotonicMs() })
      return true
    },
    next () {
      const calls: SettleCall[] = []
      for (const { call } of memory.values()) {
        if (calls.push(call) === BATCH_MAX) break
      }
      const spooled = spool?.next(afterPlace, BATCH_MAX) ?? []
      afterPlace = spooled.length < BATCH_MAX ? 0 : spooled.at(-1)?.place ?? 0
      for (const { call } of spooled) calls.push(call)
      return calls
    },
    async settled (call, reply) {
      memory.delete(keyOf(call))
      return await written(spool?.settled(call, reply))
    },
    async bury (call) {
      memory.delete(keyOf(call))
      return await written(spool?.bury(call))
    }
  }
}

/** Names a settlement among those of all teams. */
export function keyOf ({ team, rid }: { readonly team: string, readonly rid: string }): string {
  return `${team} ${rid}`
}
