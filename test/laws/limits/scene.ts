import { FINAL_GRACE_MS } from '../../../src/limits/store.ts'
import { START_MS } from './settings.ts'
import type { Call } from './calls.ts'
import type { Limit } from './settings.ts'
import type { ModelTeam } from './model-team.ts'
import type { Life } from './steps.ts'
import type { Request } from './requests.ts'

/** What the players of a life know; the model's own team is only read. */
export interface Scene {
  nowMs: number
  /** The latest time there ever was. */
  latestMs: number
  readonly pace: number
  readonly limits: (readonly Limit[])[]
  readonly requests: Request[]
  readonly calls: Call[]
  readonly team: (name: string) => ModelTeam | undefined
}

/** A clock may be set back by less than what stores remember beyond their own time. */
export const BACK_MS_MAX = FINAL_GRACE_MS - 1

export const TEAM_NAMES = ['search', 'ads']

export function openScene ({ limits, pace }: Life, team: Scene['team']): Scene {
  return { nowMs: START_MS, latestMs: START_MS, pace, limits: [...limits], requests: [], calls: [], team }
}

export function nameOf (team: number): string {
  const name = TEAM_NAMES[team]
  if (name === undefined) throw new RangeError(`there is no team ${team}`)
  return name
}

export function limitsOf ({ limits }: Scene, { team }: Pick<Request, 'team'>): readonly Limit[] {
  return limits[TEAM_NAMES.indexOf(team)] ?? []
}
