import { decimalOfNano } from '../core/money.ts'
import { BUCKET_UNITS, judge, NO_END } from './claim.ts'
import type { BudgetClaim, BudgetStanding, Claim, ConcurrencyClaim, ConcurrencyStanding, RateClaim, RateStanding, Standing } from './claim.ts'
import type { LimitReport } from '../metering/limit-report.ts'
import type { Rule } from './rules.ts'

/** What a store said to the claims of one request: the lists are of one length and one order. */
export interface Decision {
  readonly rules: readonly Rule[]
  readonly claims: readonly Claim[]
  /** As they were before this request: see `standingsBefore`. */
  readonly standings: readonly Standing[]
  /** The store's time. */
  readonly nowMs: number
}

/** What every limit has to say, in the order of the rules. */
export function reportsFor ({ rules, claims, standings, nowMs }: Decision): LimitReport[] {
  return rules.map((rule, index) => {
    const [claim, standing] = [claims[index], standings[index]]
    if (claim === undefined || standing === undefined) throw new RangeError(`nothing is known of the limit ${rule.counterId}`)
    const { scope, perModelId, id, kind, unit } = rule
    return { scope, perModelId, id, kind, unit, ...figuresOf(rule, claim, standing, nowMs) }
  })
}

type Figures = Omit<LimitReport, 'scope' | 'perModelId' | 'id' | 'kind' | 'unit'>

function figuresOf (rule: Rule, claim: Claim, standing: Standing, nowMs: number): Figures {
  const verdict = judge(claim, standing, nowMs)
  const decided = { allows: verdict.allows, retryAfterMs: verdict.allows ? undefined : verdict.retryAfterMs }
  if (rule.kind === 'rate' && claim.kind === 'rate' && standing.kind === 'rate') {
    return { amount: rule.limit, ...rateFigures(claim, standing, nowMs), ...decided }
  }
  if (rule.kind === 'concurrency' && claim.kind === 'concurrency' && standing.kind === 'concurrency') {
    return { ...concurrencyFigures(claim, standing), ...decided }
  }
  if (rule.kind === 'budget' && claim.kind === 'budget' && standing.kind === 'budget') {
    const figures = budgetFigures(claim, standing)
    // What ends with the budget itself never begins anew: waiting until then would be for nothing.
    if (figures.resetsAtMs !== rule.calendar.expiresAtMs) return { ...figures, ...decided }
    return { ...figures, resetsAtMs: undefined, allows: decided.allows, retryAfterMs: decided.allows ? undefined : 'never' }
  }
  throw new TypeError(`a ${claim.kind} claim is not made of a ${rule.kind} rule`)
}

type Counts = Omit<Figures, 'allows' | 'retryAfterMs'>

function rateFigures ({ perMinute, burst, cost }: RateClaim, { level }: RateStanding, nowMs: number): Omit<Counts, 'amount'> {
  const missing = Math.max(0, burst * BUCKET_UNITS - level)
  return {
    used: Math.ceil(missing / BUCKET_UNITS),
    held: 0,
    requested: cost,
    remaining: Math.max(0, Math.floor(level / BUCKET_UNITS)),
    resetsAtMs: nowMs + Math.ceil(missing / perMinute)
  }
}

function concurrencyFigures ({ limit }: ConcurrencyClaim, { inFlight }: ConcurrencyStanding): Counts {
  return { amount: limit, used: inFlight, held: 0, requested: 1, remaining: Math.max(0, limit - inFlight), resetsAtMs: undefined }
}

function budgetFigures ({ cost, windows }: BudgetClaim, { window: place, spent, held }: BudgetStanding): Counts {
  const window = windows[place]
  if (window === undefined) throw new RangeError(`the claim has no window ${place}`)
  const { amount, endMs } = window
  return {
    amount,
    used: spent,
    held,
    requested: cost,
    remaining: Math.max(0, amount - spent - held),
    resetsAtMs: endMs === NO_END ? undefined : endMs
  }
}

/**
 * A reservation that is repeated finds itself counted in already. These are the standings without it; of a bucket as near as
 * can be known, for what has flowed back meanwhile may have been lost at its brim.
 */
export function standingsBefore (claims: readonly Claim[], standings: readonly Standing[]): Standing[] {
  return standings.map((standing, index): Standing => {
    const claim = claims[index]
    if (standing.kind === 'concurrency') return { ...standing, inFlight: standing.inFlight - 1 }
    if (standing.kind === 'budget' && claim?.kind === 'budget') return { ...standing, held: Math.max(0, standing.held - claim.cost) }
    if (standing.kind === 'rate' && claim?.kind === 'rate') {
      return { ...standing, level: Math.min(claim.burst * BUCKET_UNITS, standing.level + claim.cost * BUCKET_UNITS) }
    }
    throw new TypeError(`a ${standing.kind} standing does not answer the claim`)
  })
}

const KIND_RANKS = { budget: 0, rate: 1, concurrency: 2 }

/** The refusal that keeps the request away for longest; undefined where nothing refuses it. Of equals a budget's comes first. */
export function decisive (reports: readonly LimitReport[]): LimitReport | undefined {
  // Two that never end differ by NaN, which leaves it to the kinds as 0 does.
  const [first] = reports.filter(({ allows }) => !allows)
    .sort((one, other) => (waitMs(other) - waitMs(one)) || (KIND_RANKS[one.kind] - KIND_RANKS[other.kind]))
  return first
}

function waitMs ({ retryAfterMs }: LimitReport): number {
  return typeof retryAfterMs === 'number' ? retryAfterMs : Infinity
}

/**
 * A report as answers show it. Requests and tokens are numbers. Money is a string, in whole units of its currency with all its
 * decimals ("12.345678901"): as a number it would lose some of them.
 */
export interface ReportBody {
  readonly scope: LimitReport['scope']
  readonly per_model?: string
  readonly id: string
  readonly kind: LimitReport['kind']
  readonly unit: string
  readonly amount: number | string
  readonly used: number | string
  readonly held: number | string
  readonly requested: number | string
  readonly remaining: number | string
  readonly allows: boolean
  /** Rounded up; null where it is allowed, or where waiting does not help. */
  readonly retry_after_seconds: number | null
  /** ISO 8601, in UTC. */
  readonly resets_at: string | null
}

export function reportBody (report: LimitReport): ReportBody {
  const { scope, perModelId, id, kind, unit, retryAfterMs, resetsAtMs } = report
  const shown = isMoney(report) ? decimalOfNano : (count: number) => count
  return {
    scope,
    ...(perModelId === undefined ? {} : { per_model: perModelId }),
    id,
    kind,
    unit,
    amount: shown(report.amount),
    used: shown(report.used),
    held: shown(report.held),
    requested: shown(report.requested),
    remaining: shown(report.remaining),
    allows: report.allows,
    retry_after_seconds: typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 1_000) : null,
    resets_at: resetsAtMs === undefined ? null : new Date(resetsAtMs).toISOString()
  }
}

export function isMoney ({ unit }: Pick<LimitReport, 'unit'>): boolean {
  return unit !== 'requests' && unit !== 'tokens'
}
