/**
 * What one request asks of one limit. Claims are plain numbers: rules turn a team's settings, a key's and a request's size
 * into them, and stores know nothing else. Amounts are whole requests, whole tokens, or nano-units (10⁻⁹) of a currency.
 */
export type Claim = RateClaim | ConcurrencyClaim | BudgetClaim

/** A token bucket: `perMinute` flow back each minute, up to `burst`. In any time Δ at most burst + perMinute·Δ is granted. */
export interface RateClaim {
  readonly kind: 'rate'
  /** Names the limit among all of its team's, for as long as it exists: see `counterId`. */
  readonly id: string
  readonly perMinute: number
  readonly burst: number
  readonly cost: number
}

/** One of `limit` places, for as long as the request lives. */
export interface ConcurrencyClaim {
  readonly kind: 'concurrency'
  readonly id: string
  readonly limit: number
}

/** A part of an amount that a window of time allows. */
export interface BudgetClaim {
  readonly kind: 'budget'
  readonly id: string
  readonly cost: number
  /** Of these the store takes the one its own clock stands in. */
  readonly windows: readonly BudgetWindow[]
}

/** [startMs, endMs) in store time. */
export interface BudgetWindow {
  /** Unique among the budget's windows. */
  readonly id: string
  readonly startMs: number
  /** `NO_END` where it never ends. */
  readonly endMs: number
  /** What the window allows in all. */
  readonly amount: number
}

/** The largest whole number that both JavaScript and Redis's Lua hold exactly; as a time it never comes. */
export const NO_END = Number.MAX_SAFE_INTEGER

/** Most that any counter may be asked to hold: two such amounts still add up exactly. */
export const AMOUNT_MAX = 2 ** 52

/** What a limit stood at when the store looked, before the request at hand was counted. */
export type Standing = RateStanding | ConcurrencyStanding | BudgetStanding

export interface RateStanding {
  readonly kind: 'rate'
  /** What is in the bucket, in `BUCKET_UNITS`: a debt is negative. */
  readonly level: number
}

export interface ConcurrencyStanding { readonly kind: 'concurrency', readonly inFlight: number }

export interface BudgetStanding {
  readonly kind: 'budget'
  /** Which of the claim's windows the store's clock stands in. */
  readonly window: number
  readonly spent: number
  /** Held by requests that are still under way. */
  readonly held: number
}

/**
 * A bucket's level is kept in 60,000ths of a token, of which a rate of n a minute gives back exactly n a millisecond: no
 * fraction ever has to be rounded.
 */
export const BUCKET_UNITS = 60_000

/** A bucket as it was left. */
export interface Bucket { readonly level: number, readonly timeMs: number }

/** The level of a bucket at `nowMs`. A clock that went back freezes the bucket until it has caught up. */
export function refilled (bucket: Bucket | undefined, rate: Pick<RateClaim, 'perMinute' | 'burst'>, nowMs: number): number {
  const full = rate.burst * BUCKET_UNITS
  if (bucket === undefined) return full
  return Math.min(full, bucket.level + Math.max(0, nowMs - bucket.timeMs) * rate.perMinute)
}

/** Whether one claim can be met, and if not, after how long: `never` where no waiting helps. */
export type Verdict =
  | { readonly allows: true }
  | { readonly allows: false, readonly retryAfterMs: number | 'never' }

/** How long whoever is refused a place should wait: nobody knows when one gets free. */
const CONCURRENCY_RETRY_AFTER_MS = 1_000

/** The rule of every limit. The Redis script decides by the same comparisons, which the contract suite holds it to. */
export function judge (claim: Claim, standing: Standing, nowMs: number): Verdict {
  if (claim.kind === 'rate' && standing.kind === 'rate') return judgeRate(claim, standing)
  if (claim.kind === 'concurrency' && standing.kind === 'concurrency') {
    return standing.inFlight < claim.limit ? ALLOWED : refusedFor(claim.limit === 0 ? 'never' : CONCURRENCY_RETRY_AFTER_MS)
  }
  if (claim.kind === 'budget' && standing.kind === 'budget') return judgeBudget(claim, standing, nowMs)
  throw new TypeError(`a ${standing.kind} standing does not answer a ${claim.kind} claim`)
}

const ALLOWED: Verdict = { allows: true }

function refusedFor (retryAfterMs: number | 'never'): Verdict {
  return { allows: false, retryAfterMs }
}

function judgeRate ({ perMinute, burst, cost }: RateClaim, { level }: RateStanding): Verdict {
  const missing = cost * BUCKET_UNITS - level
  if (missing <= 0) return ALLOWED
  return refusedFor(cost > burst ? 'never' : Math.ceil(missing / perMinute))
}

function judgeBudget (claim: BudgetClaim, { window: place, spent, held }: BudgetStanding, nowMs: number): Verdict {
  const window = claim.windows[place]
  if (window === undefined) throw new RangeError(`the claim has no window ${place}`)
  if (spent + held + claim.cost <= window.amount) return ALLOWED
  // What is held may come back before the window ends, but nobody can say when.
  return refusedFor(window.endMs === NO_END || claim.cost > window.amount ? 'never' : window.endMs - nowMs)
}
