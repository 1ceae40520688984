/**
 * What a limit store does, written down once more and as plainly as possible: counters are never kept, only worked out from
 * what has happened, and every comparison is spelled out. It shares no code with the stores but the names of their constants.
 */
import { dumpOf } from './model-dump.ts'
import { emptyTeam } from './model-team.ts'
import { hold, renew, settle } from './model-settle.ts'
import { reserve } from './model-reserve.ts'
import { RENEW_RESERVATIONS_MAX } from '../../../src/limits/store.ts'
import type { Call, Reply, Timed } from './calls.ts'
import type { ModelTeam } from './model-team.ts'
import type { TeamDump } from './dump.ts'

export interface Model {
  take (timed: Timed): Reply
  /** Undefined before its first call. */
  team (name: string): ModelTeam | undefined
  dump (name: string): TeamDump
  /** While the store was down nobody renewed a lease: all have run out. */
  restart (): void
  copy (): Model
}

export function createModel (teams: Map<string, ModelTeam> = new Map()): Model {
  function teamOf (name: string): ModelTeam {
    const known = teams.get(name) ?? emptyTeam()
    teams.set(name, known)
    return known
  }

  return {
    take: ({ nowMs, call }) => takeStep(teamOf(call.args.team), call, nowMs),
    team: (name) => teams.get(name),
    dump: (name) => dumpOf(teamOf(name)),
    restart () {
      for (const { reservations } of teams.values()) for (const found of reservations.values()) if (found.state === 'held') found.dueMs = 0
    },
    copy: () => createModel(structuredClone(teams))
  }
}

function takeStep (team: ModelTeam, call: Call, nowMs: number): Reply {
  switch (call.step) {
    case 'reserve': return Number.isSafeInteger(call.args.bornMs) && call.args.claims.every(hasSoundCost) ? reserve(team, call.args, nowMs) : 'rejected'
    case 'settle': return Number.isSafeInteger(call.args.bornMs) && call.args.charges.every(hasSoundCost) ? settle(team, call.args, nowMs) : 'rejected'
    case 'renew': return call.args.rids.length <= RENEW_RESERVATIONS_MAX ? renew(team, call.args, nowMs) : 'rejected'
    case 'hold': return hold(team, call.args.durationMs, nowMs)
  }
}

function hasSoundCost (of: { readonly kind: string, readonly cost?: number }): boolean {
  return of.kind === 'concurrency' || (Number.isSafeInteger(of.cost) && Number(of.cost) >= 0)
}
