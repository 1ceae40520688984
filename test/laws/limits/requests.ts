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
  /** Which of its life's requests it is: by this its records differ from others. */
  readonly number: number
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
export function recordOf (request: Request, charges: readonly Charge[], windowIds: readonly (string | undefined)[]): LedgerRecord {
  const limits = charges.flatMap((charged, index) => charged.kind === 'budget' ? [reportOf(charged, windowIds[index])] : [])
  return { ...rawRecord(request), limits }
}

/** What is to be written should the request expire. Of some requests it is nothing. */
export function expiryOf (request: Request, claims: readonly Claim[]): LedgerRecord | undefined {
  const { number } = request
  if (number % 6 === 5) return undefined
  const record = rawRecord(request)
  const limits = claims.flatMap((claim) => claim.kind === 'budget' ? [reportOf({ ...claim, windowId: '' })] : [])
  const usage = { ...record.usage, inputTokens: 100 + number, source: 'estimated' } as const
  return { ...record, outcome: 'expired', superseded: false, usage, costNano: number % LARGE_EVERY === 1 ? LARGE_NANO + 2 : 5 * number, durationMs: 0, firstContentMs: undefined, limits }
}

/** Formats that round lose its last digit, and as many of them as there can be still add up exactly. */
const LARGE_NANO = 2 ** 49 + 1
const LARGE_EVERY = 64
const OUTCOMES = ['completed', 'failed', 'client_closed', 'cut', 'completed'] as const

function rawRecord ({ team, rid, bornMs, number }: Request): LedgerRecord {
  return {
    requestId: rid.slice(0, rid.indexOf('#')),
    timeMs: bornMs,
    team,
    keyId: number % 3 === 0 ? 'a1' : 'b2',
    model: number % 4 === 0 ? 'qwen-max/latest' : 'qwen-plus',
    upstreamModel: 'qwen-plus',
    surface: 'openai',
    upstream: 'main',
    upstreamRequestId: undefined,
    stream: false,
    attempt: 1,
    superseded: number % 7 === 3,
    attempts: 1,
    status: 200,
    outcome: OUTCOMES[number % 5] ?? 'completed',
    errorKind: undefined,
    usage: { inputTokens: number, cachedInputTokens: 1, outputTokens: 2 * number, reasoningTokens: 2, source: number % 3 === 1 ? 'estimated' : 'reported' },
    costNano: number % LARGE_EVERY === 0 ? LARGE_NANO : number,
    currency: number % 5 === 0 ? undefined : 'CNY',
    firstContentMs: number % 3 === 0 ? undefined : 50 * number,
    durationMs: number % 8 === 0 ? 1_000_000 : 100 * number,
    limits: []
  }
}

function reportOf ({ id, windowId, cost }: Pick<Charge & { readonly kind: 'budget' }, 'id' | 'windowId' | 'cost'>, ownWindowId = windowId): LimitReport {
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
