import { chargesFor, claimsFor, windowIds } from './claims.ts'
import { rateLimitHeaders } from './headers.ts'
import { reportsFor } from './reports.ts'
import { reservationId } from './store.ts'
import type { AdmissionRequest } from './limiter.ts'
import type { Amounts } from './claims.ts'
import type { Decision } from './reports.ts'
import type { Leases } from './leases.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { LimitReport } from '../metering/limit-report.ts'
import type { Outage } from './outage.ts'
import type { ReserveCall } from './store.ts'
import type { Rule } from './rules.ts'
import type { Settlements } from './settlements.ts'
import type { Usage } from '../core/usage.ts'

/** A request that was let in, and how it ends for the limits that let it. One of settle and abandon is called, once. */
export interface Admission {
  readonly status: 'admitted'
  readonly reports: readonly LimitReport[]
  readonly headers: Readonly<Record<string, string>>
  /** The output cap that a budget still allows each choice, where that is less than was asked. */
  readonly outputTokensFit: number | undefined
  /** What is held for the answer, thinking and all choices included; undefined where nothing is. */
  readonly outputTokensHeld: number | undefined
  /**
   * Charges what was used, or gives everything back where nothing was billed, and writes the record. It never rejects: what
   * cannot be written now is written later.
   */
  settle (usage: Usage | 'void', record: LedgerRecord): Promise<void>
  /** Nobody knows what was used: all that is held is charged, and written down as expired. */
  abandon (): void
}

export interface AdmissionDeps {
  readonly leases: Pick<Leases, 'begin' | 'end'>
  readonly settlements: Pick<Settlements, 'settle' | 'healthy'>
  readonly outage: Pick<Outage, 'observe' | 'admit'>
}

/** What the store decided, on what. */
export interface Answer {
  readonly amounts: Amounts
  readonly call: ReserveCall
  readonly status: 'granted' | 'denied'
  readonly decision: Decision
  readonly outputTokensFit: number | undefined
}

/** Claims are made anew where the store's clock stands in none of their windows, and births where ours is far behind. */
export const ASKS_MAX = 3
/** Of each attempt's reservation ids: the first to ask under, twice ASKS_MAX of them, and the one that is never asked under. */
export const FIRST_PLACE = 1
export const UNASKED_PLACE = 1 + 2 * ASKS_MAX

export function ridOf ({ requestId, attempt }: Pick<AdmissionRequest, 'requestId' | 'attempt'>, place: number): string {
  return reservationId(requestId, (attempt - 1) * UNASKED_PLACE + place)
}

/** What is held lives as long as its lease, which is renewed until the request has ended. */
export function admitted (request: AdmissionRequest, answer: Answer, { leases, settlements, outage }: AdmissionDeps): Admission {
  const { call: { team, rid, bornMs }, decision } = answer
  const admission: Admission = {
    status: 'admitted',
    reports: reportsFor(decision),
    headers: rateLimitHeaders(decision, 'granted'),
    outputTokensFit: answer.outputTokensFit,
    outputTokensHeld: answer.amounts.outputTokens,
    async settle (usage, record) {
      leases.end(team, rid)
      const { rules, claims, standings } = decision
      const charges = chargesFor({ rules, claims, windowIds: windowIds(claims, standings) }, usage, request.amounts.price)
      await settlements.settle({ team, rid, bornMs, charges, record })
    },
    abandon: () => leases.end(team, rid)
  }
  outage.observe(request.account.team, decision.claims, decision.standings)
  leases.begin(answer.call, decision.standings)
  return admission
}

/** Nothing is held: no limit applies, or the limits leave nothing for another attempt. The record is written all the same. */
export function unheld (request: AdmissionRequest, place: number, bornMs: number, { settlements }: AdmissionDeps): Admission {
  const call = { team: request.account.team.id, rid: ridOf(request, place), bornMs, charges: [] }
  return {
    status: 'admitted',
    reports: [],
    headers: {},
    outputTokensFit: undefined,
    outputTokensHeld: undefined,
    settle: (_usage, record) => settlements.settle({ ...call, record }),
    abandon () { void settlements.settle({ ...call, record: request.expiryOf(NO_AMOUNTS) }) }
  }
}

const NO_AMOUNTS: Amounts = { inputTokens: 0, outputTokens: 0, price: undefined }

interface LocalDecision { readonly rules: readonly Rule[], readonly bornMs: number }

/** The store cannot be asked: the team's own policy decides, and what is used is charged when it is back. */
export function admittedLocally (
  request: AdmissionRequest, { rules, bornMs }: LocalDecision, { outage }: AdmissionDeps
): Admission | undefined {
  const { account: { team }, amounts } = request
  const claims = claimsFor(rules, amounts, bornMs)
  const tokens = amounts.inputTokens + amounts.outputTokens
  const rid = ridOf(request, UNASKED_PLACE)
  const grant = outage.admit({ team, claims, tokens, rid, bornMs, expiry: request.expiryOf(amounts) })
  if (grant === 'refused') return undefined
  return {
    status: 'admitted',
    reports: [],
    headers: {},
    outputTokensFit: undefined,
    outputTokensHeld: amounts.outputTokens,
    async settle (usage, record) {
      if (usage === 'void') await grant.release(record)
      else await grant.settle(chargesFor({ rules, claims, windowIds: grant.windowIds }, usage, amounts.price), record)
    },
    abandon: () => grant.abandon()
  }
}
