import { GatewayError } from '../core/errors.ts'
import { claimsFor } from './claims.ts'
import { outputShapeOf, outputTokensOf } from './output-shape.ts'
import { priceAt } from '../metering/prices.ts'
import { reportsFor } from './reports.ts'
import { allRules, teamRules } from './rules.ts'
import { mayUseModel } from '../accounts/principal.ts'
import { StoreUnavailable } from './store.ts'
import type { Account } from '../accounts/principal.ts'
import type { Rule } from './rules.ts'
import type { Catalog } from '../core/catalog.ts'
import type { Clock } from '../core/clock.ts'
import type { Explanation, Limiter } from './limiter.ts'
import type { LimitReport } from '../metering/limit-report.ts'
import type { LimitStore } from './store.ts'

/** Answers for people who ask about limits without sending a request. Nothing they ask changes anything. */
export interface Explanations {
  /** Every limit of a key and its team as it stands. @throws GatewayError `store_unavailable` */
  limitsOf (account: Account): Promise<readonly LimitReport[]>
  /** The same for a team's own budgets. */
  budgetsOf (team: Account['team']): Promise<readonly LimitReport[]>
  /** Whether a request would be let in now, and what decides. @throws GatewayError also `model_not_found`, `permission_denied` */
  explain (question: Question): Promise<Explanation>
}

/** A request that is not sent. */
export interface Question {
  readonly account: Account
  readonly model: string
  /** What is reserved for the prompt. */
  readonly inputTokens: number
  readonly outputTokensMax: number | undefined
}

export interface ExplanationsDeps {
  readonly limiter: Limiter
  readonly store: LimitStore
  readonly currentCatalog: () => Catalog
  readonly clock: Clock
}

/** The store keeps nothing under it, because nothing is ever held for a question. */
const QUESTION_ID = 'question'
const ASKS_MAX = 2

export function createExplanations ({ limiter, store, currentCatalog, clock }: ExplanationsDeps): Explanations {
  async function reportsOf (team: string, rules: readonly Rule[]): Promise<readonly LimitReport[]> {
    if (rules.length === 0) return []
    let nowMs = clock.nowMs()
    for (let asks = 0; asks < ASKS_MAX; asks++) {
      const claims = claimsFor(rules, { inputTokens: 0, outputTokens: 0, price: undefined }, nowMs)
      const reply = await store.reserve({ team, rid: QUESTION_ID, bornMs: nowMs, claims, mode: 'check', expiry: undefined })
      if (reply.status === 'granted' || reply.status === 'denied') {
        return reportsFor({ rules, claims, standings: reply.standings, nowMs: reply.nowMs })
      }
      nowMs = reply.nowMs
    }
    throw new StoreUnavailable('on_hold')
  }

  return {
    limitsOf: (account) => orUnavailable(reportsOf(account.team.id, allRules(account))),
    budgetsOf: (team) => orUnavailable(reportsOf(team.id, teamRules(team).filter(({ kind }) => kind === 'budget'))),
    async explain ({ account, model: name, inputTokens, outputTokensMax }) {
      const { resolve, policies } = currentCatalog()
      const model = resolve(name)
      if (model === undefined) throw new GatewayError('model_not_found', `There is no model ${JSON.stringify(name)}.`, { param: 'model' })
      if (!mayUseModel({ account }, model.name)) throw notAllowed(name)
      const output = outputShapeOf(model, { choices: 1, capTokens: outputTokensMax, thinking: { asked: 'unsaid', tokensMax: undefined } })
      const prompt = Math.min(model.contextTokens, inputTokens)
      const amounts = { inputTokens: prompt, outputTokens: outputTokensOf(output), price: priceAt(model.prices, clock.nowMs()) }
      const question = { account, model, requestId: QUESTION_ID, attempt: 1, amounts, output, policies }
      return await limiter.explain({ ...question, expiryOf: () => undefined })
    }
  }
}

function notAllowed (model: string): GatewayError {
  return new GatewayError('permission_denied', `The team or its key may not use the model ${JSON.stringify(model)}.`, { param: 'model' })
}

async function orUnavailable<T> (answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    if (!(cause instanceof StoreUnavailable)) throw cause
    throw new GatewayError('store_unavailable', 'The store of the limits cannot be asked at the moment.', { cause, retryAfterMs: 1_000 })
  }
}
