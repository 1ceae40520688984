import { createTeamState, keepReservation, takeChanges } from '../../src/limits/engine-state.ts'
import { hold, renew, reserve, settle } from '../../src/limits/engine.ts'
import { StoreUnavailable } from '../../src/limits/store.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { LimitStore, ReserveCall, SettleCall } from '../../src/limits/store.ts'
import type { Step } from '../../src/limits/engine.ts'
import type { StoreOperation } from '../../src/limits/trouble.ts'
import type { TeamState } from '../../src/limits/engine-state.ts'

/**
 * What becomes of a call: answered; lost before or after the store took it; lying in a buffer until `deliver`; or refused
 * with a code.
 */
export type Fate = 'answered' | 'lost' | 'reply_lost' | 'delayed' | { readonly code: string }

export interface Sent {
  readonly operation: StoreOperation
  readonly team: string
  readonly rid?: string
  readonly mode?: ReserveCall['mode']
}

/** A store in memory, as right as the real ones, to which everything can happen on the way. */
export interface TroubleStore {
  /** As many connections as are asked for: each has a fate of its own, at first `answered`. */
  connect (): Connection
  readonly ledger: LedgerRecord[]
  /** Executes what was delayed, in another order than it was sent. */
  deliver (): void
  state (team: string): TeamState
  counter (team: string, field: string): number
  isFinal (team: string, rid: string): boolean
  /** Everything as it is now, to go back to. */
  snapshot (): () => void
  flushAll (): void
}

export interface Connection extends LimitStore {
  fate: Fate | ((sent: Sent) => Fate)
  readonly sent: Sent[]
}

interface Kept { readonly state: TeamState, readonly finals: Set<string> }

export function createTroubleStore (clock: Pick<Clock, 'nowMs'>): TroubleStore {
  let teams = new Map<string, Kept>()
  let delayed: (() => void)[] = []
  const ledger: LedgerRecord[] = []

  function kept (team: string): Kept {
    let known = teams.get(team)
    if (known === undefined) teams.set(team, known = { state: createTeamState(), finals: new Set() })
    return known
  }

  function execute<Reply> (team: string, step: (state: TeamState, step: Step) => Reply): Reply {
    const { state, finals } = kept(team)
    try {
      return step(state, { nowMs: clock.nowMs(), isFinal: (rid) => finals.has(rid) })
    } finally {
      const changes = takeChanges(state)
      for (const rid of changes.finals.keys()) finals.add(rid)
      ledger.push(...changes.ledger.flatMap(({ record }) => record ?? []))
    }
  }

  function connect (): Connection {
    async function send<Reply> (sent: Sent, run: () => Reply): Promise<Reply> {
      connection.sent.push(sent)
      const fate = typeof connection.fate === 'function' ? connection.fate(sent) : connection.fate
      await undefined
      if (fate === 'answered') return run()
      if (fate === 'reply_lost') run()
      if (fate === 'delayed') delayed.push(run)
      throw new StoreUnavailable(typeof fate === 'object' ? fate.code : 'timeout')
    }
    const connection: Connection = {
      fate: 'answered',
      sent: [],
      reserve: (call: ReserveCall) => send({ operation: 'reserve', team: call.team, rid: call.rid, mode: call.mode },
        () => execute(call.team, (state, step) => reserve(state, call, step))),
      settle: (call: SettleCall) => send({ operation: 'settle', team: call.team, rid: call.rid },
        () => execute(call.team, (state, step) => settle(state, call, step))),
      renew: (call) => send({ operation: 'renew', team: call.team }, () => execute(call.team, (state, step) => renew(state, call, step))),
      hold: ({ team, durationMs }) => send({ operation: 'hold', team },
        () => execute(team, (state, { nowMs }) => hold(state, durationMs, nowMs)))
    }
    return connection
  }

  return {
    connect,
    ledger,
    deliver () {
      const runs = delayed
      delayed = []
      for (const run of runs.reverse()) run()
    },
    state: (team) => kept(team).state,
    counter: (team, field) => kept(team).state.counters.get(field) ?? 0,
    isFinal: (team, rid) => kept(team).finals.has(rid),
    snapshot () {
      const copies = new Map([...teams].map(([team, { state, finals }]) => [team, { state: copyOf(state), finals: new Set(finals) }]))
      return () => { teams = copies }
    },
    flushAll () { teams = new Map() }
  }
}

function copyOf (state: TeamState): TeamState {
  const copy = createTeamState()
  for (const [field, value] of state.counters) copy.counters.set(field, value)
  for (const [field, value] of state.texts) copy.texts.set(field, value)
  for (const reservation of state.reservations.values()) keepReservation(copy, { ...reservation })
  return copy
}
