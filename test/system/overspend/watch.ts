import { BUDGETS, PLACES_FIELD, WINDOW } from './scene.ts'
import { pause } from '../../support/fleet/patience.ts'
import type { Redis } from 'ioredis'
import type { TeamScene } from './scene.ts'

/** What Redis said of one budget at one moment. */
export interface Level { readonly spent: number, readonly held: number, readonly max: number }

export interface Watch {
  /** Of the latest look. */
  levels (team: TeamScene): ReadonlyMap<string, Level>
  inFlight (team: TeamScene): number
  stop (): Promise<Watched>
}

export interface Watched {
  readonly samples: number
  /** Every time that a limit was seen to be broken, in words; at most VIOLATIONS_KEPT_MAX of them. */
  readonly violations: readonly string[]
  /** Most that was seen of each budget, spent and held together, and of each team's places. */
  readonly peaks: ReadonlyMap<string, number>
}

const INTERVAL_MS = 20
const SAMPLES_MAX = 30_000
const VIOLATIONS_KEPT_MAX = 20

export interface WatchDeps {
  readonly redis: Redis
  readonly teams: readonly TeamScene[]
  /** How many requests of a team are open at the upstream now, by the upstream's own count. */
  readonly upstreamOf: (team: TeamScene) => number
  readonly signal: AbortSignal
}

export function startWatch ({ redis, teams, upstreamOf, signal }: WatchDeps): Watch {
  const latest = new Map<TeamScene, Record<string, string>>()
  const peaks = new Map<string, number>()
  const violations: string[] = []
  let samples = 0
  const stopping = new AbortController()

  function seen (name: string, value: number, max: number): void {
    peaks.set(name, Math.max(peaks.get(name) ?? 0, value))
    if ((value > max || value < 0) && violations.length < VIOLATIONS_KEPT_MAX) violations.push(`${name} is ${value} of ${max} in sample ${samples}`)
  }

  function look (team: TeamScene, fields: Record<string, string>): void {
    latest.set(team, fields)
    for (const { id, unit, maxOf } of BUDGETS) {
      const max = maxOf(team)
      if (max === undefined) continue
      const { spent, held } = levelIn(fields, id)
      seen(`${team.id}: ${unit} spent and held`, spent + held, max)
      if (held < 0 || spent < 0) violations.push(`${team.id}: ${unit} spent ${spent}, held ${held}`)
    }
    seen(`${team.id}: in flight`, placesIn(fields), team.placesMax)
  }

  async function run (): Promise<void> {
    while (!stopping.signal.aborted && !signal.aborted && samples < SAMPLES_MAX) {
      samples++
      let open = 0
      await Promise.all(teams.map(async (team) => {
        look(team, await redis.hgetall(`dg:{${team.id}}:s`))
        const openOfTeam = upstreamOf(team)
        seen(`${team.id}: open at the upstream`, openOfTeam, team.placesMax)
        open += openOfTeam
      }))
      seen('all: open at the upstream', open, teams.reduce((sum, { placesMax }) => sum + placesMax, 0))
      await pause(INTERVAL_MS)
    }
  }

  const running = run()
  return {
    levels (team) {
      const levels = new Map<string, Level>()
      for (const { id, maxOf } of BUDGETS) {
        const max = maxOf(team)
        if (max !== undefined) levels.set(id, { ...levelIn(latest.get(team) ?? {}, id), max })
      }
      return levels
    },
    inFlight: (team) => placesIn(latest.get(team) ?? {}),
    async stop () {
      stopping.abort()
      await running
      return { samples, violations, peaks }
    }
  }
}

function levelIn (fields: Record<string, string>, id: string): Omit<Level, 'max'> {
  return { spent: Number(fields[`bs:${id}:${WINDOW}`] ?? 0), held: Number(fields[`br:${id}:${WINDOW}`] ?? 0) }
}

function placesIn (fields: Record<string, string>): number {
  return Number(fields[PLACES_FIELD] ?? 0)
}
