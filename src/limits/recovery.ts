import type { Clock } from '../core/clock.ts'
import type { Leases } from './leases.ts'
import type { Report } from './trouble.ts'
import type { Settlements } from './settlements.ts'
import type { Sign, WatchedStore } from './watched.ts'
import type { PresentState, Spool } from './spool.ts'

/** Writes into the store again what it has lost: this gateway's part of it. Every other gateway does the same. */
export interface Recovery {
  recover (team: string, sign: Sign): void
  /** Something may be lost without a sign. What was acknowledged of late is sent again; where it is there, nothing changes. */
  suspect (): Promise<void>
  close (): void
}

export interface RecoveryDeps {
  readonly clock: Clock
  readonly report: Report
  readonly store: WatchedStore
  readonly leases: Pick<Leases, 'restore'>
  readonly settlements: Pick<Settlements, 'retry'>
  readonly spool: Spool | undefined
}

/** Budgets are on hold for so long, lest they be spent twice; others notice the loss by the hold. */
const HOLD_MS = 3_000
/** A hold is renewed in time, but not for ever: what cannot be sent by then is sent later. */
const HOLD_AGAIN_MS = 2_000
const HOLDS_MAX = 10
const RETRY_MS = 500
const POLL_MS = 250
/** Worst last: it does what the others do, and more. */
const SIGNS: readonly Sign[] = ['told', 'rollback', 'total']

export function createRecovery (deps: RecoveryDeps): Recovery {
  const { clock, report, settlements, spool } = deps
  const signs = new Map<string, Sign>()
  const running = new Set<string>()
  const pauses = createPauses(clock)

  function note (team: string, sign: Sign): void {
    const known = signs.get(team)
    if (known === undefined || SIGNS.indexOf(sign) > SIGNS.indexOf(known)) signs.set(team, sign)
  }

  /** Until all that is noted of the team is repaired. */
  async function run (team: string): Promise<void> {
    running.add(team)
    for (let sign = signs.get(team); sign !== undefined && !pauses.areOver; sign = signs.get(team)) {
      signs.delete(team)
      try {
        await repair(team, sign, { ...deps, pauses })
        if (sign !== 'told') report({ kind: 'recovered', team })
      } catch (cause) {
        report({ kind: 'upkeep_failed', cause })
        note(team, sign)
        await pauses.pause(RETRY_MS)
      }
    }
    running.delete(team)
  }

  return {
    recover (team, sign) {
      // We are told of our own holds too.
      if (sign === 'told' && running.has(team)) return
      if (sign !== 'told') report({ kind: 'store_rollback', team, loss: sign })
      note(team, sign)
      if (!running.has(team)) void run(team)
    },
    async suspect () {
      settlements.retry()
      await spool?.replay(undefined).catch((cause: unknown) => report({ kind: 'upkeep_failed', cause }))
      settlements.retry()
    },
    close: pauses.end
  }
}

type RepairDeps = RecoveryDeps & { readonly pauses: Pauses }

async function repair (team: string, sign: Sign, deps: RepairDeps): Promise<void> {
  const { clock, store, spool, pauses } = deps
  if (sign !== 'told') await store.hold({ team, durationMs: HOLD_MS })
  await replay(team, sign, deps)
  if (sign === 'told') return
  let heldMs = clock.monotonicMs()
  for (let holds = 1; spool?.hasPending(team) === true && holds < HOLDS_MAX && !pauses.areOver;) {
    await pauses.pause(POLL_MS)
    if (clock.monotonicMs() - heldMs < HOLD_AGAIN_MS) continue
    await store.hold({ team, durationMs: HOLD_MS })
    heldMs = clock.monotonicMs()
    holds++
  }
}

async function replay (team: string, sign: Sign, { clock, store, spool, settlements, leases }: RecoveryDeps): Promise<void> {
  const present = (): PresentState => ({ epoch: store.epochOf(team), nowMs: clock.nowMs() + store.skewMs })
  await (sign === 'total' ? spool?.rebuild(team, present) : spool?.replay(team))
  settlements.retry()
  await leases.restore(team)
}

interface Pauses {
  readonly areOver: boolean
  pause (delayMs: number): Promise<void>
  /** Ends those that are on. */
  end (): void
}

function createPauses (clock: Clock): Pauses {
  const ends = new Set<() => void>()
  let areOver = false
  return {
    get areOver () { return areOver },
    pause (delayMs) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const end = (): void => {
        stop()
        ends.delete(end)
        resolve(undefined)
      }
      const stop = clock.setTimer(delayMs, end)
      ends.add(end)
      return promise
    },
    end () {
      areOver = true
      for (const end of ends) end()
    }
  }
}
