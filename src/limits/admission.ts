import { chargesFor, claimsFor, windowIds } from './claims.ts'
import { rateLimitHeaders } from './headers.ts'
import { reportsFor } from './reports.ts'
import { RESERVATION_IDS_MAX, reservationId } from './store.ts'
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

/** A request that was let in, and how it ends for the limits that let it. One of settle, release and abandon is called, once. */
export interface Admission {
  readonly status: 'admitted'
  readonly reports: readonly LimitReport[]
  readonly headers: Readonly<Record<string, string>>
  /** The output cap that a budget still allows each choice, where that is less than was asked. */
  readonly outputTokensFit: number | undefined
  /** What is held for the answer, thinking and all choices included; undefined where nothing is. */
  readonly outputTokensHeld: number | undefined
  /** Charges what was used. It never rejects: what cannot be written now is written later. */
  settle (usage: Usage, record: LedgerRecord): Promise<void>
  /** Gives everything back: nothing was billed. */
  release (): Promise<void>
  /** Nobody knows what was used: the hold runs out by itself, and is charged. */
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

/** What is held lives as long as its lease, which is renewed until the request has ended. */
export function admitted (request: AdmissionRequest, answer: Answer, { leases, settlements, outage }: AdmissionDeps): Admission {
  const { call: { team, rid, bornMs }, decision } = answer
  async function finish (usage: Usage | 'void', record: LedgerRecord | undefined): Promise<void> {
    leases.end(team, rid)
    const { rules, claims } = decision
    const charges = chargesFor({ rules, claims, windowIds: windowIds(claims, decision.standings) }, usage, request.model.price)
    await settlements.settle({ team, rid, bornMs, charges, record })
  }
  const admission: Admission = {
    status: 'admitted',
    reports: reportsFor(decision),
    headers: rateLimitHeaders(decision, 'granted'),
    outputTokensFit: answer.outputTokensFit,
    outputTokensHeld: answer.amounts.outputTokens,
    settle: (usage, record) => finish(usage, record),
    release: () => finish('void', undefined),
    abandon: () => leases.end(team, rid)
  }
  outage.observe(request.account.team, decision.claims, decision.standings)
  leases.begin(answer.call, decision.standings)
  return admission
}

/** Nothing limits the request, so nothing is held for it. Its record is written all the same. */
export function unlimited ({ requestId, account }: AdmissionRequest, bornMs: number, { settlements }: AdmissionDeps): Admission {
  const call = { team: account.team.id, rid: reservationId(requestId, 1), bornMs, charges: [] }
  return {
    status: 'admitted',
    reports: [],
    headers: {},
    outputTokensFit: undefined,
    outputTokensHeld: undefined,
    settle: (_usage, record) => settlements.settle({ ...call, record }),
    release: async () => {},
    abandon () {}
  }
}

interface LocalDecision { readonly rules: readonly Rule[], readonly bornMs: number }

/** The store cannot be asked: the team's own policy decides, and what is used is charged when it is back. */
export function admittedLocally (
  request: AdmissionRequest, { rules, bornMs }: LocalDecision, { outage }: AdmissionDeps
): Admission | undefined {
  const { account: { team }, amounts, model } = request
  const rid = reservationId(request.requestId, RESERVATION_IDS_MAX)
  const claims = claimsFor(rules, amounts, bornMs)
  const tokens = amounts.inputTokens + amounts.outputTokens
  const grant = outage.admit({ team, claims, tokens, rid, bornMs })
  if (grant === 'refused') return undefined
  return {
    status: 'admitted',
    reports: [],
    headers: {},
    outputTokensFit: undefined,
    outputTokensHeld: amounts.outputTokens,
    async settle (usage, record) {
      await grant.settle(chargesFor({ rules, claims, windowIds: grant.windowIds }, usage, model.price), record)
    },
    release: async () => grant.release(),
    abandon: () => grant.abandon()
  }
}
