import type { DatabaseSync } from 'node:sqlite'
import { createSpoolWriter } from './spool-writer.ts'
import { migrateSpool } from './spool-statements.ts'
import { SpoolTables } from './spool-tables.ts'
import type { Recent } from './spool-tables.ts'
import { openExclusively } from './sqlite-file.ts'
import type { Clock } from '../core/clock.ts'
import type { Report } from '../limits/trouble.ts'
import type { Spool } from '../limits/spool.ts'

export interface OpenSpool extends Spool {
  /** Writes what is still waiting. */
  close (): void
}

export interface SpoolDeps {
  readonly clock: Clock
  /** Names this gateway when the spool is made. */
  readonly createId: () => string
  readonly report: Report
}

const FILE = 'spool.db'

/**
 * The spool in the data folder, for this process alone. What is written in one turn of the event loop is written in one
 * transaction. It survives the death of the process; of a machine that loses power, the last moments may be missing.
 * @throws Error where the folder is in use or cannot be written
 */
export function openSpool (dataDir: string, deps: SpoolDeps): OpenSpool {
  return createSpool(openExclusively(dataDir, FILE), deps)
}

export function createSpool (database: DatabaseSync, deps: SpoolDeps): OpenSpool {
  const { clock, createId } = deps
  // What is kept for a while must not go because somebody sets the clock.
  const startMs = Math.max(clock.nowMs(), migrateSpool(database, createId)) - clock.monotonicMs()
  const tables = new SpoolTables(database, { createId, nowMs: () => Math.floor(startMs + clock.monotonicMs()) })
  const writer = createSpoolWriter(database, tables, deps)

  async function replay (team: string | undefined): Promise<void> {
    for (let recent: Recent | undefined = tables.recent(); recent !== undefined;) {
      const from: Recent = recent
      recent = await writer.write(() => tables.reopen(team, from))
    }
  }

  return {
    get isHealthy () { return writer.isHealthy },
    get pending () { return tables.pending },
    oldestMs: () => tables.oldestMs(),
    hasPending: (team) => tables.hasPending(team),
    add: (call) => writer.write(() => tables.add(call)),
    holdBack: (call) => writer.write(() => tables.holdBack(call)),
    next: (afterPlace, countMax) => tables.next(afterPlace, countMax),
    settled: (call, state) => writer.write(() => tables.settled(call, state)),
    bury: (call) => writer.write(() => tables.bury(call)),
    async replay (team) {
      await replay(team)
      if (team !== undefined) await writer.write(() => tables.forgetSeen(team))
    },
    async rebuild (team, present) {
      await replay(team)
      for (let isDone = false; !isDone;) isDone = await writer.write(() => !tables.uncount(team, present().epoch))
      await writer.write(() => tables.sumUp(team, present()))
    },
    seen: () => tables.seen(),
    close () {
      writer.close()
      database.close()
    }
  }
}
