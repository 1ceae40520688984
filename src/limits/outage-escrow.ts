import { createRepeating } from './repeating.ts'
import { voidOf } from './void.ts'
import { windowIds } from './claims.ts'
import type { BudgetClaim, BudgetStanding, Standing } from './claim.ts'
import type { Clock } from '../core/clock.ts'
import type { Leases } from './leases.ts'
import type { LimitStore, ReserveCall } from './store.ts'
import type { Settlements } from './settlements.ts'
import type { Spool } from './spool.ts'
import type { Taking } from './outage.ts'

export interface EscrowDeps {
  readonly clock: Clock
  readonly store: LimitStore
  readonly leases: Leases
  readonly settlements: Settlements
  readonly spool: Spool | undefined
  readonly bootId: string
  readonly storeNowMs: () => number
  readonly isStoreUp: () => boolean
}

/** An ordinary reservation that belongs to no request. What requests draw from it is never more than it holds. */
interface Escrow {
  readonly call: ReserveCall
  readonly windowId: string
  readonly amount: number
  readonly sinceMs: number
  /** Drawn by requests that the store has not counted yet. */
  drawn: number
  /** Drawn by requests that the store will never count: charged in their place. */
  lost: number
  isRetired: boolean
}

interface Counter {
  escrow: Escrow | undefined
  isAsking: boolean
  seenMs: number
}

/** Part of what remains of a budget that one gateway sets aside. */
const PART = 100
/** Budgets that get an escrow. */
const COUNTERS_MAX = 10_000
/** A reservation can be settled for two hours after its birth: it is changed for a new one long before. */
const ESCROW_MS_MAX = 30 * 60_000
/** A budget that nobody uses needs none. */
const IDLE_MS_MAX = 10 * 60_000
const TIDY_INTERVAL_MS = 60_000

export interface Escrows {
  /** Sets aside, in the background, what the standing of a granted request asks for. */
  observe (team: string, claim: BudgetClaim, standing: BudgetStanding): void
  /** Draws a claim from what is set aside in the window of `nowMs`, or nothing. */
  take (team: string, claim: BudgetClaim, nowMs: number): Taking | undefined
  close (): Promise<void>
}

/** Budgets from what was set aside in advance: nothing is overspent, whatever the store is told afterwards. */
export function createEscrows (deps: EscrowDeps): Escrows {
  const { clock, isStoreUp } = deps
  const keeper = createKeeper(deps)
  const counters = new Map<string, Counter>()
  const tidying = createRepeating(async () => tidy(), () => TIDY_INTERVAL_MS, { clock, failed: rethrow })

  function tidy (): void {
    // While the store is away it is what requests live on.
    if (!isStoreUp()) return
    const nowMs = clock.monotonicMs()
    for (const [key, counter] of counters) {
      const { escrow, seenMs, isAsking } = counter
      const isOld = escrow !== undefined && nowMs - escrow.sinceMs > ESCROW_MS_MAX
      if (isAsking || !(isOld || nowMs - seenMs > IDLE_MS_MAX)) continue
      counters.delete(key)
      void keeper.replace(counter, undefined)
    }
  }

  function counterOf (key: string): Counter | undefined {
    const known = counters.get(key)
    if (known !== undefined || counters.size >= COUNTERS_MAX) return known
    const counter = { escrow: undefined, isAsking: false, seenMs: 0 }
    counters.set(key, counter)
    return counter
  }

  return {
    observe (team, claim, { window: place, spent, held }) {
      const counter = counterOf(`${team} ${claim.id}`)
      const window = claim.windows[place]
      if (counter === undefined || window === undefined) return
      counter.seenMs = clock.monotonicMs()
      const remaining = window.amount - spent - held - claim.cost
      const cost = newCost(counter.escrow, { windowId: window.id, remaining, nowMs: counter.seenMs })
      if (counter.isAsking || cost === 'enough') return
      if (cost > 0) void keeper.ask(team, { ...claim, cost }, counter)
      else void keeper.replace(counter, undefined)
    },
    take (team, claim, nowMs) {
      const escrow = counters.get(`${team} ${claim.id}`)?.escrow
      if (escrow === undefined || escrow.windowId !== windowIds([claim], nowMs)[0]) return undefined
      return claim.cost <= freeOf(escrow) ? drawFrom(escrow, claim.cost, deps) : undefined
    },
    async close () {
      tidying.stop()
      await keeper.close(counters.values())
    }
  }
}

function rethrow (cause: unknown): never {
  throw cause
}

/** The life of an escrow: asked for, drawn from, given back. */
function createKeeper (deps: EscrowDeps) {
  let asked = 0
  let isClosed = false

  async function replace (counter: Counter, escrow: Escrow | undefined): Promise<void> {
    const former = counter.escrow
    counter.escrow = escrow
    await giveBack(former, deps)
  }

  return {
    replace,
    async ask (team: string, claim: BudgetClaim, counter: Counter): Promise<void> {
      if (isClosed) return
      const rid = `escrow:${deps.bootId}:${++asked}`
      counter.isAsking = true
      const escrow = await setAside({ team, rid, bornMs: deps.storeNowMs(), claims: [claim], mode: 'reserve', expiry: undefined }, deps)
      counter.isAsking = false
      if (escrow !== undefined) await replace(counter, escrow)
      if (isClosed) await replace(counter, undefined)
    },
    async close (counters: Iterable<Counter>): Promise<void> {
      isClosed = true
      await Promise.all([...counters].map((counter) => replace(counter, undefined)))
    }
  }
}

async function setAside (call: ReserveCall, deps: EscrowDeps): Promise<Escrow | undefined> {
  const standing = await grantOf(call, deps).catch(() => undefined)
  const [claim] = call.claims
  const windowId = claim?.kind === 'budget' && standing?.kind === 'budget' ? claim.windows[standing.window]?.id : undefined
  if (claim?.kind !== 'budget' || standing === undefined || windowId === undefined) {
    await deps.settlements.settle(voidOf(call))
    return undefined
  }
  deps.leases.begin(call, [standing])
  return { call, windowId, amount: claim.cost, sinceMs: deps.clock.monotonicMs(), drawn: 0, lost: 0, isRetired: false }
}

/** Should this process die, its next life gives back what was set aside. @throws where store or spool cannot be written */
async function grantOf (call: ReserveCall, { spool, store }: EscrowDeps): Promise<Standing | undefined> {
  await spool?.holdBack(voidOf(call))
  const reply = await store.reserve(call)
  return reply.status === 'granted' ? reply.standings[0] : undefined
}

function drawFrom (escrow: Escrow, cost: number, deps: EscrowDeps): Taking {
  let amount = cost
  escrow.drawn += amount
  return {
    used (charge) {
      escrow.drawn -= amount
      amount = charge?.kind === 'budget' ? charge.cost : 0
      escrow.drawn += amount
    },
    ended (isCounted) {
      escrow.drawn -= amount
      if (!isCounted) escrow.lost += amount
      if (escrow.isRetired) void giveBack(escrow, deps)
    }
  }
}

/** An escrow is given back when the store has counted everything that was drawn from it. */
async function giveBack (escrow: Escrow | undefined, { leases, settlements }: EscrowDeps): Promise<void> {
  if (escrow === undefined) return
  escrow.isRetired = true
  if (escrow.drawn > 0) return
  const { call, windowId, lost } = escrow
  leases.end(call.team, call.rid)
  const charges = voidOf(call).charges.map((charge) => charge.kind === 'budget' ? { ...charge, windowId, cost: lost } : charge)
  await settlements.settle({ ...voidOf(call), charges })
}

function freeOf ({ amount, drawn, lost }: Escrow): number {
  return amount - drawn - lost
}

interface Seen { readonly windowId: string, readonly remaining: number, readonly nowMs: number }

/** How much to set aside anew. What there is is enough until half of it is drawn, or it is twice what it should be. */
function newCost (escrow: Escrow | undefined, { windowId, remaining, nowMs }: Seen): number | 'enough' {
  const isOfUse = escrow !== undefined && escrow.windowId === windowId && nowMs - escrow.sinceMs <= ESCROW_MS_MAX
  const cost = Math.floor((Math.max(0, remaining) + (isOfUse ? escrow.amount : 0)) / PART)
  if (escrow === undefined && cost === 0) return 'enough'
  return isOfUse && freeOf(escrow) * 2 >= cost && escrow.amount <= cost * 2 ? 'enough' : cost
}
