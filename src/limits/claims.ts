import { budgetWindows } from './windows.ts'
import { costNano, costNanoMax } from '../metering/prices.ts'
import { totalTokens } from '../core/usage.ts'
import type { BudgetRule, Rule } from './rules.ts'
import type { Charge } from './store.ts'
import type { Claim, Standing } from './claim.ts'
import type { Price } from '../core/catalog.ts'
import type { Usage } from '../core/usage.ts'

/** The most one request may use. */
export interface Amounts {
  readonly inputTokens: number
  /** Of all its choices together. */
  readonly outputTokens: number
  readonly price: Price | undefined
}

/** What a request was let in with: `claims` and `windowIds` in the order of `rules`. */
export interface Admitted {
  readonly rules: readonly Rule[]
  readonly claims: readonly Claim[]
  /** The window each budget was taken from; undefined for what is no budget. */
  readonly windowIds: readonly (string | undefined)[]
}

/** One claim for each rule, in their order. `nowMs` is the store's time, as far as it is known. */
export function claimsFor (rules: readonly Rule[], amounts: Amounts, nowMs: number): Claim[] {
  return rules.map((rule) => claimFor(rule, amounts, nowMs))
}

function claimFor (rule: Rule, amounts: Amounts, nowMs: number): Claim {
  const id = rule.counterId
  switch (rule.kind) {
    case 'rate': return { kind: 'rate', id, perMinute: rule.perMinute, burst: rule.burst, cost: costMax(rule, amounts) }
    case 'concurrency': return { kind: 'concurrency', id, limit: rule.limit }
    case 'budget': return { kind: 'budget', id, cost: costMax(rule, amounts), windows: budgetWindows(rule.calendar, nowMs, rule.amount) }
  }
}

/** What a request may cost a rule at most, in the rule's unit. It never falls as the amounts grow. */
export function costMax ({ unit }: Rule, { inputTokens, outputTokens, price }: Amounts): number {
  if (unit === 'requests') return 1
  if (unit === 'tokens') return inputTokens + outputTokens
  return price?.currency === unit ? costNanoMax(inputTokens, outputTokens, price) : 0
}

/** The first budget of money in which the request has no price. Whoever lets it through all the same charges it nothing there. */
export function unpricedRule (rules: readonly Rule[], price: Price | undefined): BudgetRule | undefined {
  return rules.find((rule): rule is BudgetRule => rule.kind === 'budget' && rule.unit !== 'tokens' && rule.unit !== price?.currency)
}

/**
 * The window of each budget claim: the one the store chose, or, where no store was asked, the one a time is in. Undefined for
 * claims that are no budget's.
 */
export function windowIds (claims: readonly Claim[], chosenBy: readonly Standing[] | number): (string | undefined)[] {
  return claims.map((claim, index) => {
    if (claim.kind !== 'budget') return undefined
    if (typeof chosenBy === 'number') return claim.windows.find(({ startMs, endMs }) => startMs <= chosenBy && chosenBy < endMs)?.id
    const standing = chosenBy[index]
    return standing?.kind === 'budget' ? claim.windows[standing.window]?.id : undefined
  })
}

/**
 * What is charged in the end, claim by claim, in the order of the claims. A `void` charges nothing, neither tokens nor the
 * request itself.
 */
export function chargesFor (admitted: Admitted, usage: Usage | 'void', price: Price | undefined): Charge[] {
  return admitted.claims.map((claim, index): Charge => {
    const rule = admitted.rules[index]
    if (rule === undefined) throw new RangeError(`there is no rule for the claim ${claim.id}`)
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id }
    const cost = usage === 'void' ? 0 : costOf(rule, usage, price)
    if (claim.kind === 'rate') return { kind: 'rate', id: claim.id, perMinute: claim.perMinute, burst: claim.burst, cost }
    const windowId = admitted.windowIds[index]
    if (windowId === undefined) throw new RangeError(`it is not known which window of ${claim.id} was taken`)
    return { kind: 'budget', id: claim.id, windowId, cost }
  })
}

function costOf ({ unit }: Rule, usage: Usage, price: Price | undefined): number {
  if (unit === 'requests') return 1
  if (unit === 'tokens') return totalTokens(usage)
  return price?.currency === unit ? costNano(usage, price) : 0
}
