import { createEscrows } from './outage-escrow.ts'
import { createLocalLimits } from './outage-local.ts'
import { createShadows } from './outage-shadow.ts'
import { keyOf } from './pending.ts'
import { chargesInFull, voidOf } from './void.ts'
import { windowIds } from './claims.ts'
import type { Claim, Standing } from './claim.ts'
import type { Charge, LimitStore, SettleCall } from './store.ts'
import type { Clock } from '../core/clock.ts'
import type { Escrows } from './outage-escrow.ts'
import type { Leases } from './leases.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { Report } from './trouble.ts'
import type { Settlements } from './settlements.ts'
import type { Spool } from './spool.ts'
import type { Team } from '../accounts/account.ts'

/** Decides in the store's place while the store is away, as each team's `on_store_down` says. */
export interface Outage {
  /** What a granted request has shown of the limits, for the time when nobody can look. */
  observe (team: Team, claims: readonly Claim[], standings: readonly Standing[]): void
  admit (request: OutageRequest): OutageGrant | 'refused'
  /** A settlement is final: what it drew here is the store's to count now. */
  ended (call: SettleCall, isCounted: boolean): void
  /** Gives back what was set aside. */
  close (): Promise<void>
}

export interface OutageRequest {
  readonly team: Team
  readonly claims: readonly Claim[]
  /** What it may use in all, input and output. */
  readonly tokens: number
  /** An id that was never asked of the store: it is settled under it. */
  readonly rid: string
  /** In store time, as far as it is known; it chooses the windows. */
  readonly bornMs: number
  /** What goes into the ledger should nobody ever say what was used. */
  readonly expiry: LedgerRecord | undefined
}

/** One of settle, release and abandon is called, once. */
export interface OutageGrant {
  /** By claim; undefined where it is no budget. */
  readonly windowIds: readonly (string | undefined)[]
  /** Charges what was used, claim by claim, as soon as the store can be told. It never rejects. */
  settle (charges: readonly Charge[], record: LedgerRecord | undefined): Promise<void>
  /** Nothing was used. It never rejects. */
  release (record: LedgerRecord | undefined): Promise<void>
  /** Nobody knows what was used: all of it is charged. */
  abandon (): void
}

export interface OutageDeps {
  readonly clock: Clock
  readonly store: LimitStore
  readonly leases: Leases
  readonly settlements: Settlements
  readonly spool: Spool | undefined
  readonly report: Report
  readonly bootId: string
  /** How many gateways share what is allowed. */
  readonly replicas: number
  readonly storeNowMs: () => number
  readonly isStoreUp: () => boolean
}

/**
 * What a request takes of one limit here. It lives until the store has counted the request: `used` says what the request
 * came to, undefined for nothing, and then `counted` or `uncounted` ends it.
 */
export interface Taking {
  used (charge: Charge | undefined): void
  /** @param isCounted whether the store has it in its own counters now */
  ended (isCounted: boolean): void
}

/** Requests let in here whose settlements are not final. Beyond these all are refused. */
const TAKEN_MAX = 100_000

export function createOutage (deps: OutageDeps): Outage {
  const limits = { local: createLocalLimits(deps), shadows: createShadows(deps), escrows: createEscrows(deps) }
  const { settlements, spool, report } = deps
  const taken = new Map<string, readonly Taking[]>()

  function mayAsk ({ team, claims }: OutageRequest): boolean {
    if ((team.settings.on_store_down ?? 'deny') === 'deny' || taken.size >= TAKEN_MAX) return false
    return settlements.healthy || claims.every(({ kind }) => kind !== 'budget')
  }

  return {
    observe ({ id, settings: { on_store_down: policy } }, claims, standings) {
      if (policy !== 'escrow' && policy !== 'shadow') return
      const budgets = policy === 'escrow' ? limits.escrows : limits.shadows
      for (const [index, claim] of claims.entries()) {
        const standing = standings[index]
        if (claim.kind === 'budget' && standing?.kind === 'budget') budgets.observe(id, claim, standing)
      }
    },
    admit (request) {
      const takings = mayAsk(request) ? take(request, limits) : undefined
      if (takings === undefined) return 'refused'
      const { team: { id: team }, rid, bornMs, claims, expiry } = request
      const call = { team, rid, bornMs }
      taken.set(keyOf(call), takings)
      const inFull = chargesInFull(claims, bornMs)
      // No reservation speaks for this request: should this process die, its next life charges all of it.
      spool?.holdBack({ ...call, charges: inFull, record: expiry }).catch((cause: unknown) => report({ kind: 'upkeep_failed', cause }))
      async function settle (charges: readonly Charge[], record: LedgerRecord | undefined): Promise<void> {
        for (const [index, taking] of takings?.entries() ?? []) taking.used(charges[index])
        await settlements.settle({ ...call, charges, record })
      }
      return {
        windowIds: windowIds(claims, bornMs),
        settle,
        async release (record) {
          taken.delete(keyOf(call))
          giveBack(takings)
          await settlements.settle({ ...voidOf({ ...call, claims }), record })
        },
        abandon () { void settle(inFull, expiry) }
      }
    },
    ended (call, isCounted) {
      const key = keyOf(call)
      for (const taking of taken.get(key) ?? []) taking.ended(isCounted)
      taken.delete(key)
    },
    close: () => limits.escrows.close()
  }
}

interface Limits {
  readonly local: ReturnType<typeof createLocalLimits>
  readonly shadows: ReturnType<typeof createShadows>
  readonly escrows: Escrows
}

/** All or nothing, like the store. */
function take (request: OutageRequest, limits: Limits): Taking[] | undefined {
  const takings: Taking[] = []
  for (const claim of request.claims) {
    const taking = takingOf(request, claim, limits)
    if (taking === undefined) return giveBack(takings)
    takings.push(taking)
  }
  const { team: { id, settings }, tokens } = request
  if (settings.on_store_down !== 'shadow' || settings.shadow_cap === undefined) return takings
  const taking = limits.shadows.takeTokens(id, tokens, settings.shadow_cap)
  return taking === undefined ? giveBack(takings) : [...takings, taking]
}

function takingOf ({ team: { id, settings }, bornMs }: OutageRequest, claim: Claim, limits: Limits): Taking | undefined {
  if (claim.kind === 'rate') return limits.local.rate(id, claim)
  if (claim.kind === 'concurrency') return limits.local.place(id, claim)
  switch (settings.on_store_down) {
    case 'escrow': return limits.escrows.take(id, claim, bornMs)
    case 'shadow': return limits.shadows.take(id, claim, bornMs)
    case 'allow': return UNLIMITED
    default: return undefined
  }
}

const UNLIMITED: Taking = { used () {}, ended () {} }

function giveBack (takings: readonly Taking[]): undefined {
  for (const taking of takings) {
    taking.used(undefined)
    taking.ended(true)
  }
}
