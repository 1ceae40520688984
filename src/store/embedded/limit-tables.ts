import { createTeamState, keepReservation, takeChanges } from '../../limits/engine-state.ts'
import { createLedgerWriter } from './ledger.ts'
import { FINAL_GRACE_MS, FINAL_MEMORY_MS, LEASE_MS } from '../../limits/store.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { Reservation, TeamState } from '../../limits/engine-state.ts'

export interface TeamReader {
  /** @param leases of the team's reservations: this process's own, or those of one that is gone, which have run out */
  load (team: string, nowMs: number, leases: 'own' | 'abandoned'): TeamState
  isFinal (team: string, rid: string): boolean
  /** Those that have reservations. */
  teams (): string[]
}

/** More of them are forgotten with every commit than are added, so that the table does not grow. */
const FORGOTTEN_PER_FINAL = 2

/** Before every other time, wherever the clock goes. */
const LONG_DUE_MS = 0

/** What is written of a reservation beside its keys. */
type Body = Pick<Reservation, 'state' | 'bornMs' | 'expiry' | 'entries'>

export function createTeamReader (database: DatabaseSync): TeamReader {
  const counters = database.prepare('SELECT field, value FROM limit_counters WHERE team = ?')
  const reservations = database.prepare('SELECT rid, due_ms, body FROM limit_reservations WHERE team = ?')
  const final = database.prepare('SELECT 1 FROM limit_finals WHERE team = ? AND rid = ?')
  const teams = database.prepare('SELECT DISTINCT team FROM limit_reservations')
  return {
    load (team, nowMs, leases) {
      const state = createTeamState()
      for (const { field, value } of counters.all(team) as { field: string, value: number | string }[]) {
        if (typeof value === 'number') state.counters.set(field, value)
        else state.texts.set(field, value)
      }
      const heldDueMs = leases === 'own' ? nowMs + LEASE_MS : LONG_DUE_MS
      for (const { rid, due_ms: dueMs, body } of reservations.all(team) as { rid: string, due_ms: number, body: string }[]) {
        const { expiry, ...parsed } = JSON.parse(body) as Body
        keepReservation(state, { rid, expiry, ...parsed, dueMs: parsed.state === 'held' ? heldDueMs : dueMs })
      }
      return state
    },
    isFinal: (team, rid) => final.get(team, rid) !== undefined,
    teams: () => (teams.all() as { team: string }[]).map(({ team }) => team)
  }
}

/** Writes all that has changed of some teams, in one transaction. It throws what SQLite says, and has then written nothing. */
export type SaveTeams = (teams: readonly (readonly [team: string, state: TeamState])[], nowMs: number) => void

export function createTeamWriter (database: DatabaseSync): SaveTeams {
  const [begin, commit] = [database.prepare('BEGIN'), database.prepare('COMMIT')]
  const putCounter = database.prepare('INSERT INTO limit_counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
  const removeCounter = database.prepare('DELETE FROM limit_counters WHERE team = ? AND field = ?')
  const putReservation = database.prepare('INSERT OR REPLACE INTO limit_reservations VALUES (?, ?, ?, ?)')
  const removeReservation = database.prepare('DELETE FROM limit_reservations WHERE team = ? AND rid = ?')
  const putFinal = database.prepare('INSERT INTO limit_finals VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const forgetFinals = database.prepare(`DELETE FROM limit_finals WHERE (team, rid) IN
    (SELECT team, rid FROM limit_finals WHERE born_ms < ? ORDER BY born_ms LIMIT ?)`)
  const writeLedger = createLedgerWriter(database)

  function save (team: string, state: TeamState, nowMs: number): void {
    const { fields, rids, finals, ledger } = takeChanges(state)
    for (const field of fields) {
      const value = state.counters.get(field) ?? state.texts.get(field)
      if (value === undefined) removeCounter.run(team, field)
      else putCounter.run(team, field, value)
    }
    for (const rid of rids) {
      const reservation = state.reservations.get(rid)
      if (reservation === undefined) removeReservation.run(team, rid)
      else putReservation.run(team, rid, reservation.dueMs, bodyOf(reservation))
    }
    for (const change of ledger) writeLedger(team, change)
    for (const [rid, bornMs] of finals) putFinal.run(team, rid, bornMs)
    if (finals.size > 0) forgetFinals.run(nowMs - FINAL_MEMORY_MS - FINAL_GRACE_MS, finals.size * FORGOTTEN_PER_FINAL)
  }

  return (teams, nowMs) => {
    try {
      begin.run()
      for (const [team, state] of teams) save(team, state, nowMs)
      commit.run()
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw cause
    }
  }
}

function bodyOf ({ state, bornMs, expiry, entries }: Reservation): string {
  return JSON.stringify({ state, bornMs, expiry, entries } satisfies Body)
}
