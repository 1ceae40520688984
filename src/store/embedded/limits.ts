import { checkRecord } from '../../metering/ledger.ts'
import { createTeamReader, createTeamWriter } from './limit-tables.ts'
import { hold, renew, reserve, settle } from '../../limits/engine.ts'
import { isChanged } from '../../limits/engine-state.ts'
import { StoreUnavailable } from '../../limits/store.ts'
import type { Clock } from '../../core/clock.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { LimitStore } from '../../limits/store.ts'
import type { Step } from '../../limits/engine.ts'
import type { TeamState } from '../../limits/engine-state.ts'

export interface EmbeddedLimitStore extends LimitStore {
  /** The teams that have reservations in the database: at start, those of a process that is gone. */
  teams (): string[]
  /** Commits what waits. The database stays open. */
  close (): void
}

/**
 * Limits counted in memory, which is right because this process has the database for itself, and written behind: what one
 * turn of the event loop changes is one transaction, and no call that changed anything is answered before it is committed.
 */
export function createEmbeddedLimitStore (database: DatabaseSync, clock: Clock): EmbeddedLimitStore {
  const reader = createTeamReader(database)
  const save = createTeamWriter(database)
  const states = new Map<string, TeamState>()
  // Reservations of a team that was loaded before are this process's own, also when it is loaded once more.
  const loaded = new Set<string>()
  const group = createGroupCommit({
    save: (teams) => save(teams, clock.nowMs()),
    // Memory must not be ahead of the database: whoever asks next loads the team again.
    lost: (team) => states.delete(team)
  })

  function stateOf (team: string, nowMs: number): TeamState {
    const known = states.get(team)
    if (known !== undefined) return known
    const state = reader.load(team, nowMs, loaded.has(team) ? 'own' : 'abandoned')
    states.set(team, state)
    loaded.add(team)
    return state
  }

  async function take<Reply> (team: string, change: (state: TeamState, step: Step) => Reply): Promise<Reply> {
    const nowMs = clock.nowMs()
    const state = attempt(() => stateOf(team, nowMs))
    let reply: Reply
    try {
      reply = change(state, { nowMs, isFinal: (rid) => attempt(() => reader.isFinal(team, rid)) })
    } finally {
      // Whatever a step does in the end, it may have cleared away leases first.
      if (isChanged(state)) group.add(team, state)
    }
    await group.committed(team)
    return reply
  }

  return {
    reserve: (call) => take(call.team, (state, step) => {
      if (call.expiry !== undefined) checkRecord(call.expiry)
      return reserve(state, call, step)
    }),
    settle: (call) => take(call.team, (state, step) => {
      if (call.record !== undefined) checkRecord(call.record)
      return settle(state, call, step)
    }),
    renew: (call) => take(call.team, (state, step) => renew(state, call, step)),
    hold: ({ team, durationMs }) => take(team, (state, { nowMs }) => hold(state, durationMs, nowMs)),
    teams: reader.teams,
    close: group.commit
  }
}

interface GroupCommit {
  /** The team's changes go with this turn's transaction. */
  add (team: string, state: TeamState): void
  /** Resolves when nothing of the team waits: also what was only read may have been changes that will be lost. */
  committed (team: string): Promise<void> | undefined
  commit (): void
}

interface GroupCommitDeps {
  readonly save: (teams: readonly (readonly [team: string, state: TeamState])[]) => void
  readonly lost: (team: string) => void
}

interface Waiting { readonly resolve: () => void, readonly reject: (cause: StoreUnavailable) => void }

function createGroupCommit ({ save, lost }: GroupCommitDeps): GroupCommit {
  const changed = new Map<string, TeamState>()
  let waiting: Waiting[] = []
  let immediate: NodeJS.Immediate | undefined

  function commit (): void {
    if (immediate === undefined) return
    clearImmediate(immediate)
    immediate = undefined
    const teams = [...changed]
    const calls = waiting
    changed.clear()
    waiting = []
    try {
      save(teams)
    } catch (cause) {
      for (const [team] of teams) lost(team)
      for (const { reject } of calls) reject(unavailable(cause))
      return
    }
    for (const { resolve } of calls) resolve()
  }

  return {
    commit,
    add (team, state) {
      changed.set(team, state)
      immediate ??= setImmediate(commit)
    },
    committed: (team) => changed.has(team) ? new Promise((resolve, reject) => { waiting.push({ resolve, reject }) }) : undefined
  }
}

/** @throws StoreUnavailable where the database fails */
function attempt<Result> (action: () => Result): Result {
  try {
    return action()
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** SQLite's own code says why: 13 where the disk is full, 8 where it may not be written, 10 where it fails. */
function unavailable (cause: unknown): StoreUnavailable {
  const code = cause instanceof Error && 'errcode' in cause ? String(cause.errcode) : 'error'
  return new StoreUnavailable(`sqlite ${code}`, { cause })
}
