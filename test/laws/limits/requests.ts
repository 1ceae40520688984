import { claimOf, windowAt } from './settings.ts'
import { held, levelAt, spent, UNITS_PER_TOKEN } from './history.ts'
import type { Charge } from '../../../src/limits/store.ts'
import type { Claim } from '../../../src/limits/claim.ts'
import type { LimitReport } from '../../../src/metering/limit-report.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { Limit } from './settings.ts'
import type { ModelTeam } from './model-team.ts'
import type { Size, Used } from './steps.ts'

/** One request of a gateway's, and what it asks of each limit it is for. */
export interface Request {
  readonly team: string
  readonly rid: string
  readonly bornMs: number
  readonly note: string
  readonly asks: readonly { readonly id: string, readonly cost: number }[]
}

/** No counter goes beyond it, whatever is forced or overrun: what settings allow is half of it. */
const COUNTER_MAX = Number.MAX_SAFE_INTEGER

/** A UUID of version 7 of the birth, as gateways make them, and the place of a reservation. */
export function ridOf (bornMs: number, number: number): string {
  const time = bornMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}#${1 + number % 7}`
}

export function bornMsOf (rid: string): number {
  return parseInt(rid.slice(0, 8) + rid.slice(9, 13), 16)
}

export function costFor (limit: Limit, size: Size, { team, nowMs }: Omit<Asking, 'skewMs'>): number {
  if (limit.kind === 'concurrency') return 1
  if ('exactly' in size) return size.exactly
  const capacity = limit.kind === 'rate' ? limit.burst : limit.amount
  if ('eighths' in size) return Math.floor(capacity * size.eighths / 8)
  return Math.max(0, Math.min(COUNTER_MAX, left(limit, team, nowMs) + size.leftAnd))
}

function left (limit: Exclude<Limit, { kind: 'concurrency' }>, team: ModelTeam | undefined, nowMs: number): number {
  if (limit.kind === 'rate') return team === undefined ? limit.burst : Math.floor(levelAt(team.history, limit, nowMs) / UNITS_PER_TOKEN)
  const { id: windowId, amount } = windowAt(limit, nowMs)
  return amount - counted(team, limit.id, windowId)
}

function counted (team: ModelTeam | undefined, id: string, windowId: string): number {
  return team === undefined ? 0 : spent(team.history, id, windowId) + held(team.history, team.reservations, { id, windowId })
}

export interface Asking { readonly team: ModelTeam | undefined, readonly nowMs: number, readonly skewMs: number }

/** As the settings stand, for what the gateway takes for the time. Costs that a counter could not hold any more become 0. */
export function claimsOf ({ asks }: Request, limits: readonly Limit[], at: Asking): Claim[] {
  return asks.flatMap(({ id, cost }) => {
    const limit = limits.find((other) => other.id === id)
    if (limit === undefined) return []
    if (limit.kind !== 'budget') return [claimOf(limit, cost, at.nowMs)]
    const isTooMuch = counted(at.team, id, windowAt(limit, at.nowMs).id) + cost > COUNTER_MAX
    return [claimOf(limit, isTooMuch ? 0 : cost, at.nowMs + at.skewMs)]
  })
}

export interface Using {
  readonly team: ModelTeam | undefined
  readonly limits: readonly Limit[]
  readonly nowMs: number
  readonly used: readonly Used[]
  /** Names another window than the one that was taken from. */
  readonly isOtherWindow: boolean
}

export function chargesOf ({ rid, asks }: Request, { team, limits, nowMs, used, isOtherWindow }: Using): Charge[] {
  const entries = team?.reservations.get(rid)?.entries
  return asks.flatMap(({ id, cost }, index): Charge[] => {
    const limit = limits.find((other) => other.id === id)
    if (limit === undefined) return []
    if (limit.kind === 'concurrency') return [{ kind: 'concurrency', id }]
    const entry = entries?.[index]
    const actual = usedOf(entry?.cost ?? cost, used[index % used.length])
    if (limit.kind === 'rate') return [{ ...limit, cost: actual }]
    const ownId = entry?.kind === 'budget' ? entry.windowId : windowAt(limit, nowMs).id
    const windowId = isOtherWindow ? windowAt(limit, nowMs - 86_400_000).id : ownId
    const isTooMuch = [ownId, windowId].some((window) => counted(team, id, window) + actual > COUNTER_MAX)
    return [{ kind: 'budget', id, windowId, cost: isTooMuch ? 0 : actual }]
  })
}

function usedOf (reserved: number, used: Used | undefined): number {
  if (used === undefined) return reserved
  return 'over' in used ? Math.min(COUNTER_MAX, reserved + used.over) : Math.floor(reserved * used.eighths / 8)
}

/** What was charged stands in it, budget by budget: a ledger must come to the same sums as the counters. */
export function recordOf ({ team, rid, bornMs, note }: Request, charges: readonly Charge[], windowIds: readonly (string | undefined)[]): LedgerRecord {
  return {
    requestId: rid.slice(0, rid.indexOf('#')),
    timeMs: bornMs,
    team,
    keyId: 'a1',
    model: 'qwen-plus',
    upstreamModel: 'qwen-plus',
    surface: 'openai',
    upstream: 'main',
    upstreamRequestId: undefined,
    stream: false,
    attempts: 1,
    outcome: 'completed',
    errorKind: undefined,
    usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 2, reasoningTokens: 0, source: 'reported' },
    costNano: 3,
    currency: undefined,
    firstContentMs: undefined,
    durationMs: note.length,
    limits: charges.flatMap((charged, index) => charged.kind === 'budget' ? [reportOf(charged, windowIds[index])] : [])
  }
}

function reportOf ({ id, windowId, cost }: Charge & { readonly kind: 'budget' }, ownWindowId = windowId): LimitReport {
  return {
    scope: 'team',
    id,
    perModelId: ownWindowId,
    kind: 'budget',
    unit: 'tokens',
    amount: 0,
    used: cost,
    held: 0,
    requested: 0,
    remaining: 0,
    allows: true,
    retryAfterMs: undefined,
    resetsAtMs: undefined
  }
}
