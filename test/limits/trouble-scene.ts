import { setImmediate as nextTurn } from 'node:timers/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { NO_END } from '../../src/limits/claim.ts'
import type { BudgetClaim, Claim, ConcurrencyClaim, RateClaim } from '../../src/limits/claim.ts'
import type { ManualClock } from '../support/fixed.ts'
import type { Charge, ReserveCall, SettleCall } from '../../src/limits/store.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { TroubleEvent } from '../../src/limits/trouble.ts'

export const TEAM = 'atlas'
export const BUDGET = 'team:b:daily'
export const RATE = 'team:rpm'
export const PLACES = 'team:c'
const STEP_MS = 50
/** Promises that follow one another within a step are awaited so often. */
const TURNS = 6

/** Lets everything happen that needs no time. */
export async function turns (count = TURNS): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

/** Lets time pass, and with each step of it all that follows. */
export async function pass (clock: ManualClock, ms: number, stepMs = STEP_MS): Promise<void> {
  await turns()
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed))
    await turns()
  }
}

export function budget (cost: number, amount = 1_000_000, id = BUDGET): BudgetClaim {
  return { kind: 'budget', id, cost, windows: [{ id: 'always', startMs: 0, endMs: NO_END, amount }] }
}

export function rate (cost = 1, perMinute = 600, burst = 100): RateClaim {
  return { kind: 'rate', id: RATE, perMinute, burst, cost }
}

export function place (limit = 10): ConcurrencyClaim {
  return { kind: 'concurrency', id: PLACES, limit }
}

export function reserveCall (rid: string, bornMs: number, claims: readonly Claim[] = [rate(), place(), budget(100)], team = TEAM): ReserveCall {
  return { team, rid, bornMs, claims, mode: 'reserve', expiry: undefined }
}

/** What a reservation came to: so much of each budget, and as much as was reserved of everything else. */
export function settleCall (call: ReserveCall, cost: number, record?: LedgerRecord): SettleCall {
  const charges = call.claims.map((claim): Charge => {
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id }
    if (claim.kind === 'rate') return claim
    return { kind: 'budget', id: claim.id, windowId: claim.windows[0]?.id ?? '', cost }
  })
  return { team: call.team, rid: call.rid, bornMs: call.bornMs, charges, record }
}

/** Collects what is reported. */
export function createReports (): { readonly events: TroubleEvent[], report (event: TroubleEvent): void, kinds (): string[] } {
  const events: TroubleEvent[] = []
  return { events, report: (event) => { events.push(event) }, kinds: () => events.map(({ kind }) => kind) }
}

export function tempFolder (t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-spool-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
