import { GatewayError } from '../core/errors.ts'
import { ASKS_MAX, FIRST_PLACE, UNASKED_PLACE, admitted, admittedLocally, ridOf, unheld } from './admission.ts'
import { claimsFor, unpricedRule } from './claims.ts'
import { outputThatFits } from './fit.ts'
import { rateLimitHeaders } from './headers.ts'
import { decisive, reportsFor, standingsBefore } from './reports.ts'
import { outputTokensOf } from './output-shape.ts'
import { refusalOf } from './refusal.ts'
import { rulesFor } from './rules.ts'
import { StoreUnavailable } from './store.ts'
import type { Account } from '../accounts/principal.ts'
import type { Rule } from './rules.ts'
import type { Admission, AdmissionDeps, Answer } from './admission.ts'
import type { Amounts } from './claims.ts'
import type { Clock } from '../core/clock.ts'
import type { Decision } from './reports.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { LimitReport } from '../metering/limit-report.ts'
import type { LimitStore, ReserveCall, ReserveReply } from './store.ts'
import type { Model, Policies } from '../core/catalog.ts'
import type { OutputShape } from './output-shape.ts'

/** Lets requests in: holds everything one may use before it goes up, and puts what it did use in its place afterwards. */
export interface Limiter {
  /** @throws GatewayError `permission_denied`, `store_unavailable`. A refusal by a limit is an answer and not thrown. */
  admit (request: AdmissionRequest): Promise<Admission | Refusal>
  /** For a request that goes no further after an attempt was settled: nothing is held for it, and its last record has a place. */
  unheld (request: AdmissionRequest): Admission
  /** What `admit` would say now. Nothing changes. @throws GatewayError as `admit` */
  explain (request: AdmissionRequest): Promise<Explanation>
}

export interface AdmissionRequest {
  readonly account: Account
  readonly model: Pick<Model, 'name'>
  readonly requestId: string
  /** Which of the request's attempts it is for, from 1, counting those alone that are settled by themselves. */
  readonly attempt: number
  readonly amounts: Amounts
  readonly output: OutputShape
  readonly policies: Pick<Policies, 'budgetFit' | 'unpricedModel'>
  /** What goes into the ledger should nobody ever say what was used of so much. */
  readonly expiryOf: (amounts: Amounts) => LedgerRecord | undefined
}

export interface Refusal {
  readonly status: 'refused'
  readonly error: GatewayError
  readonly reports: readonly LimitReport[]
  readonly headers: Readonly<Record<string, string>>
}

export interface Explanation {
  readonly allowed: boolean
  readonly decidedBy: LimitReport | undefined
  readonly outputTokensFit: number | undefined
  readonly reports: readonly LimitReport[]
}

export interface LimiterDeps extends AdmissionDeps {
  readonly store: LimitStore
  readonly clock: Clock
  /** How far the store's clock is ahead of ours, by its last word to anybody. */
  readonly skewMs: () => number
}

const STORE_RETRY_AFTER_MS = 1_000

interface Asking {
  readonly amounts: Amounts
  readonly mode: 'check' | 'reserve'
  /** Which of the attempt's reservation ids is the first to use. */
  readonly place: number
}

export function createLimiter (deps: LimiterDeps): Limiter {
  const questions = createQuestions(deps)
  return {
    async admit (request) {
      const rules = admissionRules(request)
      if (rules.length === 0) return unheld(request, FIRST_PLACE, questions.storeNowMs(), deps)
      refuseUnrecorded(rules, deps)
      try {
        const answer = await questions.decide(request, rules, 'reserve')
        return answer.status === 'granted' ? admitted(request, answer, deps) : refused(request, answer)
      } catch (caught) {
        if (!(caught instanceof StoreUnavailable)) throw caught
        const admission = admittedLocally(request, { rules, bornMs: questions.storeNowMs() }, deps)
        if (admission !== undefined) return admission
        throw unavailable(STORE_RETRY_AFTER_MS, caught)
      }
    },
    unheld: (request) => unheld(request, UNASKED_PLACE, questions.storeNowMs(), deps),
    async explain (request) {
      const rules = pricedRules(request)
      if (rules.length === 0) return { allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] }
      try {
        const { status, decision, outputTokensFit } = await questions.decide(request, rules, 'check')
        const reports = reportsFor(decision)
        return { allowed: status === 'granted', decidedBy: decisive(reports), outputTokensFit, reports }
      } catch (caught) {
        throw caught instanceof StoreUnavailable ? unavailable(STORE_RETRY_AFTER_MS, caught) : caught
      }
    }
  }
}

/** A request counts once against the rates of requests, however many of its attempts are held for. */
function admissionRules (request: AdmissionRequest): readonly Rule[] {
  const rules = pricedRules(request)
  return request.attempt === 1 ? rules : rules.filter(({ kind, unit }) => kind !== 'rate' || unit !== 'requests')
}

/** What is spent of a budget has to be written down, whatever happens to the store meanwhile. @throws GatewayError */
function refuseUnrecorded (rules: readonly Rule[], { settlements }: LimiterDeps): void {
  if (!settlements.healthy && rules.some(({ kind }) => kind === 'budget')) throw unavailable(STORE_RETRY_AFTER_MS)
}

interface Questions {
  /** The store's clock, as far as we know it. */
  storeNowMs (): number
  /** Asks, and where only the length of the answer is in the way asks once more for one that fits. */
  decide (request: AdmissionRequest, rules: readonly Rule[], mode: Asking['mode']): Promise<Answer>
}

function createQuestions ({ store, clock, skewMs }: LimiterDeps): Questions {
  const storeNowMs = (): number => clock.nowMs() + skewMs()

  async function ask (request: AdmissionRequest, rules: readonly Rule[], { amounts, mode, place }: Asking): Promise<Answer> {
    for (let asks = 0; asks < ASKS_MAX; asks++) {
      const bornMs = storeNowMs()
      const claims = claimsFor(rules, amounts, bornMs)
      // Each question has an id of its own: one whose answer was lost may have been voided meanwhile.
      const rid = ridOf(request, place + asks)
      const call = { team: request.account.team.id, rid, bornMs, claims, mode, expiry: request.expiryOf(amounts) }
      const reply = await store.reserve(call)
      if (reply.status === 'granted' || reply.status === 'denied') {
        return { amounts, call, status: reply.status, decision: decisionOf(rules, call, reply), outputTokensFit: undefined }
      }
      if (reply.status === 'on_hold') throw unavailable(reply.holdUntilMs - reply.nowMs)
      if (reply.status === 'final' || reply.status === 'expired') break
    }
    throw unavailable(STORE_RETRY_AFTER_MS)
  }

  return {
    storeNowMs,
    async decide (request, rules, mode) {
      const first = await ask(request, rules, { amounts: request.amounts, mode, place: FIRST_PLACE })
      if (first.status === 'granted' || request.policies.budgetFit === 'reject') return first
      const { choices, thinkingTokens, capTokens } = request.output
      const outputTokensFit = (outputThatFits(first.decision, request.amounts, choices) ?? 0) - thinkingTokens
      if (outputTokensFit < 1) return atLeast(request, first)
      if (outputTokensFit >= capTokens) return first
      const amounts = { ...request.amounts, outputTokens: outputTokensOf({ ...request.output, capTokens: outputTokensFit }) }
      const second = await ask(request, rules, { amounts, mode, place: FIRST_PLACE + ASKS_MAX })
      return { ...second, outputTokensFit }
    }
  }
}

/**
 * The same refusal, told by what the request would have needed at the least: it was not refused for its length where it would
 * have been shortened. Limits that only refuse it at its full length are told as they are.
 */
function atLeast ({ amounts, output }: AdmissionRequest, answer: Answer): Answer {
  const { rules } = answer.decision
  const shortest = { ...amounts, outputTokens: outputTokensOf({ ...output, capTokens: 1 }) }
  const decision = { ...answer.decision, claims: claimsFor(rules, shortest, answer.call.bornMs) }
  return decisive(reportsFor(decision)) === undefined ? answer : { ...answer, decision }
}

/** @throws GatewayError `permission_denied` where a money budget applies to a model that has no price in its currency */
function pricedRules ({ account, model, amounts, policies }: AdmissionRequest): readonly Rule[] {
  const rules = rulesFor(account, model.name)
  const unpriced = policies.unpricedModel === 'allow' ? undefined : unpricedRule(rules, amounts.price)
  if (unpriced === undefined) return rules
  throw new GatewayError('permission_denied', `The model "${model.name}" has no price in ${unpriced.unit}, ` +
    `in which the budget "${unpriced.id}" is counted, so that it cannot be used under this budget.`, { param: 'model' })
}

type Decided = Extract<ReserveReply, { status: 'granted' | 'denied' }>

function decisionOf (rules: readonly Rule[], { claims }: ReserveCall, reply: Decided): Decision {
  const isCountedIn = reply.status === 'granted' && reply.repeated
  const standings = isCountedIn ? standingsBefore(claims, reply.standings) : reply.standings
  return { rules, claims, standings, nowMs: reply.nowMs }
}

function refused ({ account }: AdmissionRequest, { decision }: Answer): Refusal {
  const reports = reportsFor(decision)
  const report = decisive(reports)
  if (report === undefined) throw new TypeError('the store refused what every limit allows')
  const subject = { teamId: account.team.id, keyId: account.key.id, rules: decision.rules }
  return { status: 'refused', error: refusalOf(report, subject), reports, headers: rateLimitHeaders(decision, 'refused') }
}

function unavailable (retryAfterMs: number, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', 'The gateway cannot check its limits at the moment. Try again shortly.', { retryAfterMs, cause })
}
