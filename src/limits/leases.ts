import { RENEW_RESERVATIONS_MAX } from './store.ts'
import { createRepeating } from './repeating.ts'
import type { Clock } from '../core/clock.ts'
import type { Claim, Standing } from './claim.ts'
import type { LimitStore, ReserveCall } from './store.ts'
import type { Report } from './trouble.ts'

/** What this gateway's requests hold in the store, renewed for as long as they live. Nobody waits for that. */
export interface Leases {
  /** Should the store lose it, it is put back in the windows that the standings of its grant name. */
  begin (call: ReserveCall, standings: readonly Standing[]): void
  end (team: string, rid: string): void
  /** How many live reservations hold a place of a concurrency limit. */
  placesOf (team: string, counterId: string): number
  /** Renews at once: the store was away. */
  renewNow (): void
  /** Puts back what the store has lost. @throws StoreUnavailable */
  restore (team: string): Promise<void>
  close (): void
}

export interface LeasesDeps {
  readonly clock: Clock
  readonly report: Report
  /** Told of the team of each reservation. */
  readonly served: (team: string) => void
}

const RENEW_INTERVAL_MS = 10_000
/** A lease outlives two renewals that fail, and no third. */
const RENEW_AGAIN_MS = 2_000
const FORCED_AT_ONCE_MAX = 16

/** What is held, by team and rid. */
type Held = Map<string, Map<string, ReserveCall>>

export function createLeases (store: LimitStore, { clock, report, served }: LeasesDeps): Leases {
  const held: Held = new Map()
  let isDone = true
  const renewals = createRepeating(renewAll, () => isDone ? RENEW_INTERVAL_MS : RENEW_AGAIN_MS, { clock, failed })

  function failed (cause: unknown): void {
    isDone = false
    report({ kind: 'upkeep_failed', cause })
  }

  async function renewAll (): Promise<void> {
    isDone = true
    for (const [team, reservations] of [...held]) {
      const rids = [...reservations.keys()]
      for (let first = 0; first < rids.length; first += RENEW_RESERVATIONS_MAX) {
        await renew(team, rids.slice(first, first + RENEW_RESERVATIONS_MAX)).catch(failed)
      }
    }
  }

  async function renew (team: string, rids: readonly string[]): Promise<void> {
    const { unknown } = await store.renew({ team, rids })
    await putBack(team, unknown, { held, store })
  }

  return {
    begin (call, standings) {
      let reservations = held.get(call.team)
      if (reservations === undefined) held.set(call.team, reservations = new Map())
      reservations.set(call.rid, { ...call, claims: call.claims.map((claim, index) => asGranted(claim, standings[index])) })
      served(call.team)
    },
    end (team, rid) {
      const reservations = held.get(team)
      reservations?.delete(rid)
      if (reservations?.size === 0) held.delete(team)
    },
    placesOf: (team, counterId) => [...held.get(team)?.values() ?? []].filter((call) => holdsPlace(call, counterId)).length,
    renewNow () { void renewals.now() },
    restore: (team) => putBack(team, [...held.get(team)?.keys() ?? []], { held, store }),
    close: () => renewals.stop()
  }
}

interface PuttingBack { readonly held: Held, readonly store: LimitStore }

async function putBack (team: string, rids: readonly string[], { held, store }: PuttingBack): Promise<void> {
  for (let first = 0; first < rids.length; first += FORCED_AT_ONCE_MAX) {
    await Promise.all(rids.slice(first, first + FORCED_AT_ONCE_MAX).map(async (rid) => {
      const call = held.get(team)?.get(rid)
      // What ended meanwhile has its settlement under way, which needs no reservation.
      if (call !== undefined) await store.reserve({ ...call, mode: 'force' })
    }))
  }
}

function holdsPlace ({ claims }: ReserveCall, counterId: string): boolean {
  return claims.some(({ kind, id }) => kind === 'concurrency' && id === counterId)
}

/** A request belongs to the window it was let in by. When that is over, nothing has to be held in it any more. */
function asGranted (claim: Claim, standing: Standing | undefined): Claim {
  if (claim.kind !== 'budget' || standing?.kind !== 'budget') return claim
  return { ...claim, windows: claim.windows.slice(standing.window, standing.window + 1) }
}
