import { LEASE_MS } from '../../src/limits/store.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import type { BudgetClaim, BudgetWindow, Claim, ConcurrencyClaim, RateClaim } from '../../src/limits/claim.ts'
import type { Charge, LimitStore, RenewReply, ReserveCall, ReserveReply, SettleCall, SettleReply } from '../../src/limits/store.ts'
import type { Ledger, LedgerRecord } from '../../src/metering/ledger.ts'
import type { UsageReader } from '../../src/metering/rollups.ts'

/** An empty store, and what a test may see of it beside its port. */
export interface LimitStoreUnderTest {
  readonly store: LimitStore
  /** The store's clock. It stands still until it is set. */
  readonly now: { set (ms: number): void, get (): number }
  /**
   * A team's counters but for `v` and `e`, by the names of their fields, and `held:<rid>` or `expired:<rid>` for every reservation.
   * The values of these are the store's own business, but for that a new lease does not change them.
   */
  dump (team: string): Promise<Record<string, string>>
  /** The request ids of a team's ledger records, in the order in which they were written. */
  ledger (team: string): Promise<string[]>
  /** The same, as anybody may read it. */
  readonly records: Ledger
  readonly usage: UsageReader
  close (): Promise<void>
}

/** Midnight in UTC, where days end and begin. */
export const MIDNIGHT_MS = Date.UTC(2026, 10, 25)
export const DAY_MS = 24 * 3_600_000
export const TEAM = 'search'

export function rate (cost: number, changes: Partial<RateClaim> = {}): RateClaim {
  return { kind: 'rate', id: 'rpm', perMinute: 60, burst: 10, cost, ...changes }
}

export function place (limit: number, id = 'cc'): ConcurrencyClaim {
  return { kind: 'concurrency', id, limit }
}

/** Of a day's budget, by default that which begins at MIDNIGHT_MS. */
export function budget (cost: number, amount: number, windows: readonly BudgetWindow[] = [dayWindow(0, amount)]): BudgetClaim {
  return { kind: 'budget', id: 'day', cost, windows }
}

/** The window of the nth day from MIDNIGHT_MS on. */
export function dayWindow (day: number, amount: number): BudgetWindow {
  const startMs = MIDNIGHT_MS + day * DAY_MS
  return { id: `d${day}`, startMs, endMs: startMs + DAY_MS, amount }
}

/** What was used of each claim; budgets are charged in the first of their windows. */
export function charges (claims: readonly Claim[], cost: number): Charge[] {
  return claims.map((claim) => chargeOf(claim, cost))
}

function chargeOf (claim: Claim, cost: number): Charge {
  switch (claim.kind) {
    case 'rate': return { ...claim, cost }
    case 'concurrency': return { kind: 'concurrency', id: claim.id }
    case 'budget': return { kind: 'budget', id: claim.id, windowId: claim.windows[0]?.id ?? '', cost }
  }
}

export function recordOf (changes: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    requestId: 'r',
    timeMs: MIDNIGHT_MS,
    team: TEAM,
    keyId: 'abcdefgh',
    model: 'qwen-coder-turbo',
    upstreamModel: 'qwen-coder-turbo-0919',
    surface: 'openai',
    upstream: 'bailian',
    upstreamRequestId: 'b1c2',
    stream: true,
    attempt: 1,
    superseded: false,
    attempts: 2,
    status: 200,
    outcome: 'completed',
    errorKind: undefined,
    usage: { inputTokens: 85, cachedInputTokens: 64, outputTokens: 250, reasoningTokens: 10, source: 'reported' },
    costNano: 1_670_000,
    currency: 'CNY',
    firstContentMs: 120,
    durationMs: 900,
    limits: [],
    ...changes
  }
}

/** What is written of a reservation that nobody settles. */
export function expiryOf (rid: string, changes: Partial<LedgerRecord> = {}): LedgerRecord {
  return recordOf({ requestId: rid.slice(0, rid.indexOf('#')), status: 500, outcome: 'expired', usage: { ...NO_USAGE, inputTokens: 100, outputTokens: 1_000 }, firstContentMs: undefined, durationMs: 0, ...changes })
}

/** Calls on one store, in few words: a reservation is born when it is first asked for, and is settled with the same birth. */
export interface Scene extends LimitStoreUnderTest {
  reserve (rid: string, claims: readonly Claim[], changes?: Partial<ReserveCall>): Promise<ReserveReply>
  settle (rid: string, charges: readonly Charge[], changes?: Partial<SettleCall>): Promise<SettleReply>
  renew (rids?: readonly string[]): Promise<RenewReply>
  /** What a team's counters stand at, without those at 0 and those of buckets. */
  counted (team?: string): Promise<Record<string, string>>
  later (ms: number): void
  /** Lets every lease run out that is not renewed, and ends up to 32 of them. */
  expire (): Promise<RenewReply>
}

export function sceneOf (under: LimitStoreUnderTest): Scene {
  const { store, now } = under
  const births = new Map<string, number>()
  const bornMs = (rid: string): number => {
    const born = births.get(rid) ?? now.get()
    births.set(rid, born)
    return born
  }
  const scene: Scene = {
    ...under,
    reserve: (rid, claims, changes = {}) => store.reserve({ team: TEAM, rid, bornMs: bornMs(rid), claims, mode: 'reserve', expiry: expiryOf(rid), ...changes }),
    settle: (rid, charges, changes = {}) => store.settle({ team: TEAM, rid, bornMs: bornMs(rid), charges, record: undefined, ...changes }),
    renew: (rids = []) => store.renew({ team: TEAM, rids }),
    async counted (team = TEAM) {
      const fields = Object.entries(await under.dump(team)).filter(([field, value]) => value !== '0' && !/^(rl|rt|bw|held|expired):|^h$/.test(field))
      return Object.fromEntries(fields)
    },
    later: (ms) => now.set(now.get() + ms),
    expire () {
      scene.later(LEASE_MS)
      return scene.renew()
    }
  }
  return scene
}

/** @returns none where the reply has none */
export function standingsOf (reply: ReserveReply): readonly unknown[] {
  return 'standings' in reply ? reply.standings : []
}
