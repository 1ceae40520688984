import fc from 'fast-check'
import { BUCKET_UNITS } from '../../src/limits/claim.ts'
import { claimsFor } from '../../src/limits/claims.ts'
import { rulesFor } from '../../src/limits/rules.ts'
import { tierOf } from '../support/prices.ts'
import type { Account } from '../../src/accounts/principal.ts'
import type { Rule } from '../../src/limits/rules.ts'
import type { Amounts } from '../../src/limits/claims.ts'
import type { Claim, Standing } from '../../src/limits/claim.ts'
import type { Decision } from '../../src/limits/reports.ts'
import type { KeySettings, TeamSettings } from '../../src/accounts/account.ts'
import type { Price } from '../../src/core/catalog.ts'
import type { Usage } from '../../src/core/usage.ts'

export const NOW_MS = Date.parse('2026-11-25T10:00:00+08:00')
export const MODEL = 'qwen-coder-turbo'

/** The middle tier is cheaper than the first, so that a shorter prompt may cost more than a longer one. */
export const PRICE: Price = {
  currency: 'CNY',
  tiers: [
    tierOf(1_000, 4_000, 16_000),
    tierOf(4_000, 2_000, 6_000),
    tierOf(16_000, 10_000, 40_000)
  ]
}

export function accountOf (team: TeamSettings, key: KeySettings = {}): Account {
  return {
    team: { id: 'search', settings: team, createdMs: 0, revision: 1 },
    key: { id: 'k1', team: 'search', digest: '', former: [], settings: key, createdMs: 0, revision: 1 }
  }
}

export function amountsOf (inputTokens: number, outputTokens: number, price: Price | undefined = PRICE): Amounts {
  return { inputTokens, outputTokens, price }
}

export function usageOf (inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0, source: 'reported' }
}

/** What a store would have said to a request under these settings. */
export function decisionOf (settings: TeamSettings, amounts: Amounts, standings: readonly Standing[]): Decision {
  const rules = rulesFor(accountOf(settings), MODEL)
  return { rules, claims: claimsFor(rules, amounts, NOW_MS), standings, nowMs: NOW_MS }
}

export function rate (tokens: number): Standing {
  return { kind: 'rate', level: tokens * BUCKET_UNITS }
}

export function budget (spent: number, held = 0, window = 0): Standing {
  return { kind: 'budget', window, spent, held }
}

export function places (inFlight: number): Standing {
  return { kind: 'concurrency', inFlight }
}

const limit = fc.integer({ min: 1, max: 20_000 })
const rateSetting = fc.oneof(limit, fc.record({ limit: fc.constant(20_000), burst: fc.integer({ min: 1, max: 19_999 }), strict: fc.boolean() }))
const budgetSetting = fc.record({
  unit: fc.constantFrom('tokens', 'CNY', 'USD'),
  period: fc.constantFrom('hour' as const, 'day' as const, 'month' as const, 'total' as const),
  amount: fc.integer({ min: 0, max: 60_000 }),
  expiryMs: fc.option(fc.integer({ min: -3_600_000, max: 7_200_000 }), { freq: 1 })
}).map(({ expiryMs, unit, period, amount }) => ({
  unit,
  period,
  amount: unit === 'tokens' ? amount : amount / 100_000,
  ...(period === 'total' ? {} : { time_zone: 'Asia/Shanghai' }),
  ...(expiryMs === null ? {} : { expires_at: new Date(NOW_MS + expiryMs).toISOString() })
}))
const limits = fc.record({
  requests_per_minute: rateSetting,
  tokens_per_minute: rateSetting,
  concurrent_requests: fc.integer({ min: 0, max: 100 }),
  budgets: fc.array(budgetSetting, { maxLength: 3 }).map((budgets) => budgets.map((setting, index) => ({ id: `b${index}`, ...setting })))
}, { requiredKeys: [] })
const PLACES = ['team', 'key', 'team_model', 'key_model'] as const

function settingsAt (limitsAt: ReadonlyMap<string, TeamSettings>, owner: 'team' | 'key'): TeamSettings {
  const some = limitsAt.get(`${owner}_model`)
  return { ...limitsAt.get(owner), ...(some === undefined ? {} : { per_model: [{ id: 'coders', models: ['qwen-coder-*'], ...some }] }) }
}

/** Rules as settings of teams and keys make them: of one place or two, for of many limits one refuses nearly everything. */
export const someRules: fc.Arbitrary<readonly Rule[]> = fc.array(fc.tuple(fc.constantFrom(...PLACES), limits), { minLength: 1, maxLength: 2 }).map((pairs) => {
  const limitsAt = new Map<string, TeamSettings>(pairs)
  return rulesFor(accountOf(settingsAt(limitsAt, 'team'), settingsAt(limitsAt, 'key')), MODEL)
})

export const someAmounts: fc.Arbitrary<Amounts> = fc.record({
  inputTokens: fc.integer({ min: 1, max: 6_000 }),
  outputTokens: fc.integer({ min: 1, max: 20_000 }),
  price: fc.constantFrom(PRICE, PRICE, undefined)
})

/** Requests and whatever a store may say to their claims, of which about half can be met. */
export const someDecisions: fc.Arbitrary<{ readonly decision: Decision, readonly amounts: Amounts }> = fc.tuple(someRules, someAmounts).chain(([rules, amounts]) => {
  const claims = claimsFor(rules, amounts, NOW_MS)
  return fc.tuple(...claims.map(standingFor)).map((standings) => ({ decision: { rules, claims, standings, nowMs: NOW_MS }, amounts }))
})

function standingFor (claim: Claim): fc.Arbitrary<Standing> {
  if (claim.kind === 'concurrency') return fc.oneof(fc.constant(0), fc.integer({ min: 0, max: claim.limit + 1 })).map(places)
  if (claim.kind === 'rate') {
    const full = claim.burst * BUCKET_UNITS
    return fc.oneof({ weight: 3, arbitrary: fc.constant(full) }, { weight: 1, arbitrary: fc.integer({ min: -full, max: full }) })
      .map((level) => ({ kind: 'rate', level }))
  }
  const window = claim.windows.findIndex(({ startMs, endMs }) => startMs <= NOW_MS && NOW_MS < endMs)
  const amount = claim.windows[window]?.amount ?? 0
  return fc.oneof(fc.constant([0, 0] as const), fc.tuple(fc.integer({ min: 0, max: amount + 10 }), fc.integer({ min: 0, max: amount })))
    .map(([spent, held]) => budget(spent, held, window))
}
