import fc from 'fast-check'
import type { KeySettings, TeamSettings } from '../../../src/accounts/account.ts'

/** Shortly before something happens to some calendar: a midnight, a month, summer time. */
const MOMENTS = [
  '2026-11-25T23:59:50+08:00',
  '2026-11-30T23:30:00+05:45',
  '2026-12-31T23:59:00-05:00',
  '2026-03-29T00:58:00Z',
  '2026-10-25T00:30:00Z',
  '2027-04-03T14:55:00Z'
]

export const someMoment: fc.Arbitrary<number> = fc.constantFrom(...MOMENTS.map((text) => Date.parse(text)))

export const MODELS = ['qwen-coder-turbo', 'qwen-coder-plus', 'thinker', 'dollar-model', 'unpriced-model'] as const
/** Another name of the first. */
export const ALIAS = 'coder'
export const UNKNOWN = 'nobody'

const ZONES = ['UTC', 'Asia/Shanghai', 'Asia/Kathmandu', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']
const PATTERNS = ['qwen-coder-*', 'qwen-coder-turbo', '*', 'thinker', '*-model']

const patterns = fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 2 })

function rate (least: number, most: number): fc.Arbitrary<NonNullable<TeamSettings['requests_per_minute']>> {
  return fc.oneof(
    fc.integer({ min: least, max: most }),
    fc.tuple(fc.integer({ min: least + 1, max: most }), fc.integer({ min: 1, max: 99 }), fc.boolean()).map(([limit, percent, strict]) => (
      { limit, burst: Math.max(1, Math.floor((limit - 1) * percent / 100)), strict }
    ))
  )
}

const period = fc.constantFrom('hour' as const, 'day' as const, 'week' as const, 'month' as const, 'year' as const, 'total' as const)

/** Amounts of a few requests, and now and then of none. */
const amount = fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 19, arbitrary: fc.integer({ min: 1, max: 60_000 }) })

/** Nearly always nothing is said: of many limits one refuses everything. */
function seldom<T> (arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

function budget (startMs: number, id: string): fc.Arbitrary<NonNullable<TeamSettings['budgets']>[number]> {
  return fc.record({
    unit: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('tokens', 'CNY') }, { weight: 1, arbitrary: fc.constant('USD') }),
    period,
    amount,
    zone: fc.option(fc.constantFrom(...ZONES)),
    expiryMs: seldom(fc.integer({ min: -60_000, max: 600_000 }), 6),
    models: seldom(patterns, 4)
  }).map(({ unit, period, amount, zone, expiryMs, models }) => ({
    id,
    unit,
    period,
    // A thousand tokens of an answer cost about 0.006.
    amount: unit === 'tokens' ? amount : Number((amount / 200_000).toFixed(9)),
    ...(zone === null || period === 'total' ? {} : { time_zone: zone }),
    ...(expiryMs === null ? {} : { expires_at: new Date(startMs + expiryMs).toISOString() }),
    ...(models === null ? {} : { models })
  }))
}

/** What teams, keys and their entries for some models have in common. */
function limits (startMs: number): fc.Arbitrary<Pick<TeamSettings, 'requests_per_minute' | 'tokens_per_minute' | 'concurrent_requests' | 'budgets'>> {
  return fc.record({
    requests: seldom(rate(1, 12), 4),
    tokens: seldom(rate(2, 30_000), 4),
    places: seldom(fc.integer({ min: 0, max: 4 }), 4),
    budgets: seldom(fc.integer({ min: 1, max: 2 }).chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => budget(startMs, `b${index}`)))), 3)
  }).map(({ requests, tokens, places, budgets }) => ({
    ...(requests === null ? {} : { requests_per_minute: requests }),
    ...(tokens === null ? {} : { tokens_per_minute: tokens }),
    ...(places === null ? {} : { concurrent_requests: places }),
    ...(budgets === null ? {} : { budgets })
  }))
}

/** As the admin API takes them, of a team or a key. */
export function someSettings (startMs: number): fc.Arbitrary<TeamSettings & KeySettings> {
  const entry = (id: string) => fc.tuple(patterns, limits(startMs)).map(([models, limited]) => ({ id, models, ...limited }))
  return fc.record({
    limited: limits(startMs),
    perModel: seldom(fc.oneof(fc.tuple(entry('some')), fc.tuple(entry('some'), entry('others'))), 3),
    models: seldom(patterns, 10)
  }).map(({ limited, perModel, models }) => ({
    ...limited,
    ...(perModel === null ? {} : { per_model: perModel }),
    ...(models === null ? {} : { models: [...models, 'qwen-coder-turbo'] })
  }))
}
