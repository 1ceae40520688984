import { judge } from './claim.ts'
import { costMax } from './claims.ts'
import type { Amounts } from './claims.ts'
import type { BudgetClaim, RateClaim, Standing } from './claim.ts'
import type { Decision } from './reports.ts'
import type { Rule } from './rules.ts'

/** A limit that a shorter answer may satisfy. */
interface Pressing { readonly rule: Rule, readonly claim: BudgetClaim | RateClaim, readonly standing: Standing }

/**
 * The longest answer, in tokens for each of the choices, that every budget still allows, and that every rate could hold which
 * could never hold the request as it is: at most what was asked for, and undefined where not even one token fits. It is
 * undefined also where something else refuses: a full bucket or a free place only takes waiting, and then the whole answer fits.
 */
export function outputThatFits (decision: Decision, amounts: Amounts, choices: number): number | undefined {
  const pressing = pressingLimits(decision)
  if (pressing === undefined) return undefined
  const allows = (tokens: number): boolean => pressing.every(({ rule, claim, standing }) => {
    const cost = costMax(rule, { ...amounts, outputTokens: tokens * choices })
    // An answer as long as the bucket is full just now would be a matter of luck: for what the bucket can hold one may wait.
    return claim.kind === 'rate' ? cost <= claim.burst : judge({ ...claim, cost }, standing, decision.nowMs).allows
  })
  const tokens = largest(Math.floor(amounts.outputTokens / choices), allows)
  return tokens === 0 ? undefined : tokens
}

/** Undefined where some other limit refuses. */
function pressingLimits ({ rules, claims, standings, nowMs }: Decision): Pressing[] | undefined {
  const pressing: Pressing[] = []
  for (const [index, rule] of rules.entries()) {
    const [claim, standing] = [claims[index], standings[index]]
    if (claim === undefined || standing === undefined) throw new RangeError(`nothing is known of the limit ${rule.counterId}`)
    if (claim.kind === 'budget' || (claim.kind === 'rate' && claim.cost > claim.burst)) pressing.push({ rule, claim, standing })
    else if (!judge(claim, standing, nowMs).allows) return undefined
  }
  return pressing
}

/** The largest whole number up to `max` that is allowed, where whatever is below an allowed one is allowed too; else 0. */
function largest (max: number, allows: (candidate: number) => boolean): number {
  let [allowed, refused] = [0, max + 1]
  while (refused - allowed > 1) {
    const middle = allowed + Math.floor((refused - allowed) / 2)
    if (allows(middle)) allowed = middle
    else refused = middle
  }
  return allowed
}
