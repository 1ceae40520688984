import { LEASE_MS, SWEEP_RESERVATIONS_MAX } from './store.ts'
import { createRepeating } from './repeating.ts'
import type { Clock } from '../core/clock.ts'
import type { LimitStore } from './store.ts'
import type { Report } from './trouble.ts'

/** Ends what nobody renews any more. Requests of a team do so too; this is for teams that have none. */
export interface Sweeps {
  /** From now on the team is swept now and then. */
  serve (team: string): void
  /** Ends what others have left behind in every team there is: now, and once more when what is held now has run out. */
  sweepAll (): Promise<void>
  close (): void
}

export interface SweepsDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  /** Every team there is. */
  readonly teams: () => Promise<readonly string[]> | readonly string[]
}

const INTERVAL_MS = 5_000
/** Several gateways do not sweep at the same moments. */
const JITTER_MS = 2_000
/** What a team has left over then waits for the next time. */
const CALLS_IN_A_ROW_MAX = 32
/** Those served last. */
const SERVED_TEAMS_MAX = 10_000

export function createSweeps (store: LimitStore, { clock, random, report, teams }: SweepsDeps): Sweeps {
  const served = new Set<string>()
  const closing = new AbortController()
  let stopTimer: (() => void) | undefined
  let everyTeam: Promise<void> | undefined
  const failed = (cause: unknown): void => report({ kind: 'upkeep_failed', cause })
  const repeating = createRepeating(() => sweep([...served]), () => INTERVAL_MS + (random() - 0.5) * JITTER_MS, { clock, failed })

  async function sweep (swept: readonly string[]): Promise<void> {
    for (const team of swept) await sweepOne(team).catch(failed)
  }

  async function sweepOne (team: string): Promise<void> {
    for (let calls = 0; calls < CALLS_IN_A_ROW_MAX && !closing.signal.aborted; calls++) {
      const { swept } = await store.renew({ team, rids: [] })
      if (swept < SWEEP_RESERVATIONS_MAX) return
    }
  }

  /** One at a time: a store that comes and goes may ask for it more often than it can be done. */
  function sweepEveryTeam (): Promise<void> {
    const run = async (): Promise<void> => await sweep(await teams())
    everyTeam ??= run().catch(failed).finally(() => { everyTeam = undefined })
    return everyTeam
  }

  return {
    serve (team) {
      served.delete(team)
      served.add(team)
      for (const oldest of served) {
        if (served.size <= SERVED_TEAMS_MAX) break
        served.delete(oldest)
      }
    },
    sweepAll () {
      stopTimer?.()
      stopTimer = clock.setTimer(LEASE_MS + JITTER_MS, () => { void sweepEveryTeam() })
      return sweepEveryTeam()
    },
    close () {
      closing.abort()
      stopTimer?.()
      repeating.stop()
    }
  }
}
