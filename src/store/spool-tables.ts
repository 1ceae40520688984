import type { DatabaseSync } from 'node:sqlite'
import { SPOOL_KEPT_MS } from '../limits/spool.ts'
import { createChargedSums } from './spool-sums.ts'
import { BURIED, HELD_BACK, PENDING, prepareSpool, SETTLED, spoolMarks } from './spool-statements.ts'
import type { PresentState, SeenState, SpooledCall } from '../limits/spool.ts'
import type { SettleCall, StoreState } from '../limits/store.ts'

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
    this.#statements = prepareSpool(database)
    this.#sums = createChargedSums(database)
    const { replicaId, lastPlace, pending } = spoolMarks(database)
    this.#replicaId = replicaId
    this.#lastPlace = lastPlace
    this.pending = pending
    this.#statements.leaveOver.run()
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

  /** Where to begin to reopen what has settled of late, until now. */
  recent (): Recent {
    const nowMs = this.#deps.nowMs()
    return { afterMs: nowMs - SPOOL_KEPT_MS, afterPlace: 0, untilMs: nowMs }
  }

  /**
   * Makes some of it pending again, of one team or of all. What is counted in a sum stays so: the store is asked again, and
   * does not count it again. @returns where to go on
   */
  reopen (team: string | undefined, recent: Recent): Recent | undefined {
    const { settledOf, settledOfAll, reopen } = this.#statements
    const { afterMs, afterPlace, untilMs } = recent
    const from = [afterMs, afterPlace, untilMs]
    const rows = team === undefined ? settledOfAll.all(...from) : settledOf.all(team, ...from)
    for (const { place } of rows) reopen.run(this.#deps.nowMs(), Number(place))
    this.#change += rows.length
    const last = rows.at(-1)
    return last === undefined ? undefined : { afterMs: Number(last['time_ms']), afterPlace: Number(last['place']), untilMs }
  }

  /** What the store said of a team is known to be over. */
  forgetSeen (team: string): void {
    this.#statements.unsee.run(team)
  }

  /** Takes some of what is pending out of the sums of other epochs than one. @returns whether there was any */
  uncount (team: string, epoch: string): boolean {
    const rows = this.#statements.counted.all(team, epoch)
    for (const row of rows) {
      this.#sums.move(spooled(row).call, String(row['epoch']), null)
      this.#statements.uncount.run(Number(row['place']))
    }
    return rows.length > 0
  }

  /** Makes pending what is left in the sums of other epochs: it settled too long ago to be sent again by itself. */
  sumUp (team: string, present: PresentState): void {
    for (const charges of this.#sums.take(team, present.epoch)) {
      // The sum is fixed with this entry, so that its id need only be one that was never used before.
      const rid = `rebuild:${present.epoch}:${this.#replicaId}:${this.#deps.createId()}`
      this.#put({ team, rid, bornMs: present.nowMs, charges, record: undefined }, PENDING)
    }
  }

  /** Where an earlier life died before it had summed up, it is as if it had only seen what was before. */
  seen (): ReadonlyMap<string, SeenState> {
    return new Map(this.#statements.seen.all().map(({ team, epoch, version, former }) => {
      const isSummedUp = former === null
      return [String(team), { epoch: String(isSummedUp ? epoch : former), version: isSummedUp ? Number(version) : 0 }]
    }))
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

/** Settled ones in the order of their times, and of places within one. */
export interface Recent { readonly afterMs: number, readonly afterPlace: number, readonly untilMs: number }

interface StoredRow { readonly place: number, readonly state: number, readonly epoch: string | null }

function rowOf ({ place, state, epoch }: Record<string, unknown>): StoredRow {
  return { place: Number(place), state: Number(state), epoch: epoch === null ? null : String(epoch) }
}

function spooled (row: Record<string, unknown>): SpooledCall {
  const { bornMs, charges, record } = JSON.parse(String(row['call'])) as SettleCall
  return { place: Number(row['place']), call: { team: String(row['team']), rid: String(row['rid']), bornMs, charges, record } }
}

type Statements = ReturnType<typeof prepareSpool>
type ChargedSums = ReturnType<typeof createChargedSums>
