import { BIRTH_AHEAD_MS_MAX, FINAL_MEMORY_MS } from '../../../src/limits/store.ts'
import { createHistory } from './history.ts'
import type { Entry } from './dump.ts'
import type { History } from './history.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { StoreState } from '../../../src/limits/store.ts'

export interface ModelReservation {
  state: 'held' | 'expired'
  readonly bornMs: number
  readonly expiry: LedgerRecord | undefined
  readonly entries: readonly Entry[]
  dueMs: number
}

/** Plain data, which can be copied. */
export interface ModelTeam {
  version: number
  epoch: string
  holdUntilMs: number
  readonly reservations: Map<string, ModelReservation>
  /** rid to birth. Nothing is ever forgotten here. */
  readonly finals: Map<string, number>
  readonly history: History
  /** By rid. */
  readonly ledger: Map<string, LedgerRecord>
}

export function emptyTeam (): ModelTeam {
  return {
    version: 0, epoch: '', holdUntilMs: 0, reservations: new Map(), finals: new Map(), history: createHistory(), ledger: new Map()
  }
}

export function stateOf ({ version, epoch, holdUntilMs }: ModelTeam, nowMs: number): StoreState {
  return { version, epoch, holdUntilMs, nowMs }
}

export function changed (team: ModelTeam, epochIfFirst: string): void {
  if (team.version === 0) team.epoch = epochIfFirst
  team.version += 1
}

/** What of it was ever settled is no longer known, or would be remembered for too long. */
export function isBeyondMemory (bornMs: number, nowMs: number): boolean {
  return nowMs - bornMs > FINAL_MEMORY_MS || bornMs - nowMs > BIRTH_AHEAD_MS_MAX
}
