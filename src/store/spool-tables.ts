import type { DatabaseSync } from 'node:sqlite'
import { SPOOL_KEPT_MS } from '../limits/spool.ts'
import { createChargedSums } from './spool-sums.ts'
import type { SeenState, SpooledCall } from '../limits/spool.ts'
import type { SettleCall, StoreState } from '../limits/store.ts'

/** What may become of a settlement, as it is on disk. */
const PENDING = 0
const SETTLED = 1
const BURIED = 2
const HELD_BACK = 3
/** Held back by an earlier start of this gateway. */
const LEFT_OVER = 4

const SCHEMA_VERSION = 1
/** The epoch of a settlement is that of the sum it is counted in; null where it is in none. */
const SCHEMA = `
  CREATE TABLE settlements (
    place INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT NOT NULL, rid TEXT NOT NULL, call TEXT NOT NULL, state INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, epoch TEXT, UNIQUE (team, rid)
  ) STRICT;
  CREATE INDEX settlements_by_state ON settlements (state, place);
  CREATE INDEX pending_by_team ON settlements (team) WHERE state = ${PENDING};
  CREATE INDEX settled_by_time ON settlements (time_ms) WHERE state = ${SETTLED};
  CREATE INDEX settled_by_team ON settlements (team, time_ms) WHERE state = ${SETTLED};
  CREATE TABLE charged (
    team TEXT NOT NULL, counter TEXT NOT NULL, window TEXT NOT NULL, epoch TEXT NOT NULL, amount INTEGER NOT NULL,
    place INTEGER NOT NULL, PRIMARY KEY (team, counter, window, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE seen (team TEXT PRIMARY KEY, epoch TEXT NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE spool (replica_id TEXT NOT NULL, time_ms INTEGER NOT NULL) STRICT;`

/** Settled ones that are forgotten with each transaction: more than usually come in with it. */
const FORGOTTEN_MAX = 1_000
/** Whatever is buried stays long enough for somebody to look. */
const BURIED_KEPT_MS = 30 * 86_400_000

export interface TablesDeps {
  /** A time that never goes back, in ms. */
  readonly nowMs: () => number
  readonly createId: () => string
}

/** What the spool has on disk. Each of its writes belongs into a transaction of the caller's, which tells how that ended. */
export class SpoolTables {
  /** Settlements that the store has not acknowledged, as of the last transaction. */
  pending: number
  readonly #deps: TablesDeps
  readonly #statements: Statements
  readonly #sums: ChargedSums
  readonly #replicaId: string
  readonly #lastPlace: number
  #change = 0

  constructor (database: DatabaseSync, deps: TablesDeps) {
    this.#deps = deps
    this.#statements = prepare(database)
    this.#sums = createChargedSums(database)
    this.#replicaId = String(firstOf(database, 'SELECT replica_id FROM spool'))
    this.#lastPlace = Number(firstOf(database, 'SELECT coalesce(max(place), 0) FROM settlements'))
    this.pending = Number(firstOf(database, `SELECT count(*) FROM settlements WHERE state = ${PENDING}`))
    database.exec(`UPDATE settlements SET state = ${LEFT_OVER} WHERE state = ${HELD_BACK}`)
    this.#statements.forgetBuried.run(deps.nowMs() - BURIED_KEPT_MS)
  }

  oldestMs (): number {
    const timeMs = this.#statements.oldest.get()?.['time_ms']
    return timeMs === undefined ? 0 : this.#deps.nowMs() - Number(timeMs)
  }

  hasPending (team: string): boolean {
    return this.#statements.ofTeam.get(team) !== undefined
  }

  next (afterPlace: number, countMax: number): SpooledCall[] {
    return this.#statements.page.all(afterPlace, countMax).map(spooled)
  }

  add (call: SettleCall): void {
    this.#put(call, PENDING)
  }

  holdBack (call: SettleCall): void {
    this.#put(call, HELD_BACK)
  }

  settled (call: SettleCall, { epoch, version }: StoreState): void {
    const row = this.#find(call)
    this.#sums.move(call, row.epoch, epoch)
    this.#move(row, SETTLED, epoch)
    this.#statements.see.run(call.team, epoch, version)
  }

  bury (call: SettleCall): void {
    const row = this.#find(call)
    this.#move(row, BURIED, row.epoch)
  }

  /** What is counted in a sum stays so: the store is asked again, and does not count it again. */
  replay (team: string | undefined): void {
    const { reopen, reopenAll, unsee } = this.#statements
    const nowMs = this.#deps.nowMs()
    const sinceMs = nowMs - SPOOL_KEPT_MS
    const { changes } = team === undefined ? reopenAll.run(nowMs, sinceMs) : reopen.run(nowMs, team, sinceMs)
    this.#change += Number(changes)
    if (team !== undefined) unsee.run(team)
  }

  rebuild (team: string, now: StoreState): void {
    const { counted, uncount } = this.#statements
    this.replay(team)
    for (const row of counted.all(team, now.epoch)) {
      this.#sums.move(spooled(row).call, String(row['epoch']), null)
      uncount.run(Number(row['place']))
    }
    // What settled too long ago to be sent again by itself is in the sum, and time never goes back here to before that.
    for (const charges of this.#sums.take(team, now.epoch)) {
      // The sum is fixed with this entry, so that its id need only be one that was never used before.
      const rid = `rebuild:${now.epoch}:${this.#replicaId}:${this.#deps.createId()}`
      this.#put({ team, rid, bornMs: now.nowMs, charges, record: undefined }, PENDING)
    }
  }

  seen (): ReadonlyMap<string, SeenState> {
    return new Map(this.#statements.seen.all().map(({ team, epoch, version }) =>
      [String(team), { epoch: String(epoch), version: Number(version) }]))
  }

  /** Writes something in any case: a full disk is noticed by that. */
  tidy (): void {
    const { touch, forget, olderPending, release } = this.#statements
    touch.run(this.#deps.nowMs())
    forget.run(this.#deps.nowMs() - SPOOL_KEPT_MS)
    if (olderPending.get(this.#lastPlace) === undefined) this.#change += Number(release.run().changes)
  }

  committed (): void {
    this.pending += this.#change
    this.#change = 0
  }

  rolledBack (): void {
    this.#change = 0
  }

  #put (call: SettleCall, state: number): void {
    const { team, rid, bornMs, charges, record } = call
    const text = JSON.stringify({ bornMs, charges, record })
    const { changes } = this.#statements.put.run(team, rid, text, state, this.#deps.nowMs())
    if (state === PENDING) this.#change += Number(changes)
  }

  /** What could not be written when it came is written when it ends. */
  #find (call: SettleCall): StoredRow {
    const known = this.#statements.find.get(call.team, call.rid)
    if (known !== undefined) return rowOf(known)
    this.#put(call, HELD_BACK)
    return this.#find(call)
  }

  #move (row: StoredRow, state: number, epoch: string | null): void {
    this.#statements.move.run(state, this.#deps.nowMs(), epoch, row.place)
    this.#change += Number(state === PENDING) - Number(row.state === PENDING)
  }
}

/** Brings the file to this version. @returns the latest time in it */
export function migrateSpool (database: DatabaseSync, createId: () => string): number {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > SCHEMA_VERSION) throw new Error(`The spool is of version ${version}; this dashgate knows ${SCHEMA_VERSION}.`)
  if (version < SCHEMA_VERSION) {
    database.exec(`BEGIN; ${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    database.prepare('INSERT INTO spool VALUES (?, 0)').run(createId())
  }
  return Number(firstOf(database, 'SELECT time_ms FROM spool'))
}

interface StoredRow { readonly place: number, readonly state: number, readonly epoch: string | null }

function rowOf ({ place, state, epoch }: Record<string, unknown>): StoredRow {
  return { place: Number(place), state: Number(state), epoch: epoch === null ? null : String(epoch) }
}

function spooled (row: Record<string, unknown>): SpooledCall {
  const { bornMs, charges, record } = JSON.parse(String(row['call'])) as SettleCall
  return { place: Number(row['place']), call: { team: String(row['team']), rid: String(row['rid']), bornMs, charges, record } }
}

function firstOf (database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0]
}

type Statements = ReturnType<typeof prepare>
type ChargedSums = ReturnType<typeof createChargedSums>

function prepare (database: DatabaseSync) {
  const prepared = (sql: string) => database.prepare(sql)
  return {
    put: prepared(`INSERT INTO settlements (team, rid, call, state, time_ms) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (team, rid) DO UPDATE SET call = excluded.call, state = excluded.state, time_ms = excluded.time_ms
      WHERE state IN (${HELD_BACK}, ${LEFT_OVER})`),
    find: prepared('SELECT place, state, epoch FROM settlements WHERE team = ? AND rid = ?'),
    move: prepared('UPDATE settlements SET state = ?, time_ms = ?, epoch = ? WHERE place = ?'),
    oldest: prepared(`SELECT time_ms FROM settlements WHERE state = ${PENDING} ORDER BY place LIMIT 1`),
    ofTeam: prepared(`SELECT 1 FROM settlements WHERE state = ${PENDING} AND team = ? LIMIT 1`),
    page: prepared(`SELECT place, team, rid, call FROM settlements WHERE state = ${PENDING} AND place > ? ORDER BY place LIMIT ?`),
    reopenAll: prepared(`UPDATE settlements SET state = ${PENDING}, time_ms = ? WHERE state = ${SETTLED} AND time_ms >= ?`),
    reopen: prepared(`UPDATE settlements SET state = ${PENDING}, time_ms = ? WHERE state = ${SETTLED} AND team = ? AND time_ms >= ?`),
    counted: prepared(`SELECT place, team, rid, call, epoch FROM settlements WHERE state = ${PENDING} AND team = ? AND epoch <> ?`),
    uncount: prepared('UPDATE settlements SET epoch = NULL WHERE place = ?'),
    see: prepared(`INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (team) DO UPDATE SET epoch = excluded.epoch,
      version = CASE WHEN epoch = excluded.epoch THEN max(version, excluded.version) ELSE excluded.version END`),
    unsee: prepared('DELETE FROM seen WHERE team = ?'),
    seen: prepared('SELECT team, epoch, version FROM seen'),
    touch: prepared('UPDATE spool SET time_ms = ?'),
    forget: prepared(`DELETE FROM settlements WHERE place IN (
      SELECT place FROM settlements WHERE state = ${SETTLED} AND time_ms < ? ORDER BY time_ms LIMIT ${FORGOTTEN_MAX})`),
    forgetBuried: prepared(`DELETE FROM settlements WHERE state = ${BURIED} AND time_ms < ?`),
    olderPending: prepared(`SELECT 1 FROM settlements WHERE state = ${PENDING} AND place <= ? LIMIT 1`),
    release: prepared(`UPDATE settlements SET state = ${PENDING} WHERE state = ${LEFT_OVER}`)
  }
}
