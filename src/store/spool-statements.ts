import type { DatabaseSync } from 'node:sqlite'

/** What may become of a settlement, as it is on disk. */
export const PENDING = 0
export const SETTLED = 1
export const BURIED = 2
export const HELD_BACK = 3
/** Held back by an earlier start of this gateway. */
const LEFT_OVER = 4

const SCHEMA_VERSION = 1
/** The epoch of a settlement is that of the sum it is counted in; null where it is in none. */
const SCHEMA = `
  CREATE TABLE settlements (
    place INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT NOT NULL, rid TEXT NOT NULL, call TEXT NOT NULL, state INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, epoch TEXT, UNIQUE (team, rid)
  ) STRICT;
  CREATE INDEX pending ON settlements (place) WHERE state = ${PENDING};
  CREATE INDEX left_over ON settlements (place) WHERE state = ${LEFT_OVER};
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
/** Of what is reopened, so many in one turn: more would hold up everything else. */
const STEP_MAX = 500

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

/** What is known of a spool when it is opened. */
export interface SpoolMarks { readonly replicaId: string, readonly lastPlace: number, readonly pending: number }

export function spoolMarks (database: DatabaseSync): SpoolMarks {
  return {
    replicaId: String(firstOf(database, 'SELECT replica_id FROM spool')),
    lastPlace: Number(firstOf(database, 'SELECT coalesce(max(place), 0) FROM settlements')),
    pending: Number(firstOf(database, `SELECT count(*) FROM settlements WHERE state = ${PENDING}`))
  }
}

function firstOf (database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0]
}

export function prepareSpool (database: DatabaseSync) {
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
    settledOfAll: prepared(`SELECT place, time_ms FROM settlements WHERE state = ${SETTLED}
      AND (time_ms, place) > (?, ?) AND time_ms <= ? ORDER BY time_ms, place LIMIT ${STEP_MAX}`),
    settledOf: prepared(`SELECT place, time_ms FROM settlements WHERE state = ${SETTLED} AND team = ?
      AND (time_ms, place) > (?, ?) AND time_ms <= ? ORDER BY time_ms, place LIMIT ${STEP_MAX}`),
    reopen: prepared(`UPDATE settlements SET state = ${PENDING}, time_ms = ? WHERE place = ?`),
    counted: prepared(`SELECT place, team, rid, call, epoch FROM settlements WHERE state = ${PENDING} AND team = ? AND epoch <> ?
      LIMIT ${STEP_MAX}`),
    uncount: prepared('UPDATE settlements SET epoch = NULL WHERE place = ?'),
    see: prepared(`INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (team) DO UPDATE SET epoch = excluded.epoch,
      version = CASE WHEN epoch = excluded.epoch THEN max(version, excluded.version) ELSE excluded.version END`),
    unsee: prepared('DELETE FROM seen WHERE team = ?'),
    seen: prepared(`SELECT team, epoch, version,
      (SELECT min(epoch) FROM charged WHERE charged.team = seen.team AND charged.epoch <> seen.epoch) AS former FROM seen`),
    touch: prepared('UPDATE spool SET time_ms = ?'),
    forget: prepared(`DELETE FROM settlements WHERE place IN (
      SELECT place FROM settlements WHERE state = ${SETTLED} AND time_ms < ? ORDER BY time_ms LIMIT ${FORGOTTEN_MAX})`),
    forgetBuried: prepared(`DELETE FROM settlements WHERE state = ${BURIED} AND time_ms < ?`),
    olderPending: prepared(`SELECT 1 FROM settlements WHERE state = ${PENDING} AND place <= ? LIMIT 1`),
    leaveOver: prepared(`UPDATE settlements SET state = ${LEFT_OVER} WHERE state = ${HELD_BACK}`),
    release: prepared(`UPDATE settlements SET state = ${PENDING} WHERE state = ${LEFT_OVER}`)
  }
}
