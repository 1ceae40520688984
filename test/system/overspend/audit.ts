import { BUDGETS, PLACES_FIELD, priceOf, tokensOf, WINDOW } from './scene.ts'
import { markerIn } from '../../support/fleet/wording.ts'
import type { Expired, TeamBooks } from './ledger.ts'
import type { Client, Sending } from './load.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { RequestRecord } from '../../../src/simulator/records.ts'

/** What everybody but the gateways knows. */
export interface Witnesses {
  /** The upstream's own record of every request of the gateways, by the id it gave each of them. */
  readonly upstream: ReadonlyMap<string, RequestRecord>
  readonly sendings: readonly Sending[]
  readonly clientOfKey: (keyId: string) => Client | undefined
  /** Lives of gateways that were ended by force. */
  readonly killed: ReadonlySet<string>
}

export interface TeamAudit {
  /** What is wrong, in words. */
  readonly faults: readonly string[]
  readonly budgets: readonly BudgetAudit[]
  readonly settled: number
  /** Settled after they had run out and been charged in full. */
  readonly late: number
  readonly voided: number
  /** What no gateway could account for: each is charged all that was held for it. */
  readonly unaccounted: readonly Unaccounted[]
}

export interface BudgetAudit {
  readonly budget: string
  /** As the store has it. */
  readonly spent: number
  /** By the upstream, for what is in the ledger. */
  readonly billed: number
  /** Holds that ran out and were charged. */
  readonly unaccounted: number
  /** By the upstream for all it ever did. */
  readonly upstream: number
  readonly max: number
}

export interface Unaccounted {
  readonly rid: string
  readonly client: string
  readonly holds: ReadonlyMap<string, number>
  /** What the upstream charged for it, unless it never got there. */
  readonly upstream: RequestRecord['charge'] | undefined
}

/** Compares the books of a team with what the upstream and the clients know, to the token. */
export function audit (books: TeamBooks, witnesses: Witnesses): TeamAudit {
  const faults: string[] = []
  const settledRids = onceEach('settled', books.settled.map(({ rid }) => rid), faults)
  onceEach('record of request', books.settled.map(({ record }) => record.requestId), faults)
  const expiredRids = onceEach('expired', books.expired.map(({ rid }) => rid), faults)
  for (const rid of expiredRids) if (books.finals.has(rid)) faults.push(`${rid} is final and still there as expired`)
  compareHours(books, faults)
  for (const { rid, entry } of books.settled) {
    if (books.finals.get(rid) !== entry) faults.push(`${rid} is in the ledger as ${entry} and final as ${books.finals.get(rid)}`)
  }
  for (const [rid, entry] of books.finals) if (entry !== '' && !settledRids.has(rid)) faults.push(`${rid} is final without a record`)
  const ofTeam = [...witnesses.upstream.values()].filter((seen) => markerIn(seen.body).includes(`-${books.team.id}-`))
  const seen = { ofTeam, accounted: compareRecords(books, witnesses, faults) }
  const unaccounted = explain(books.expired, seen, { witnesses, faults })
  for (const rid of books.held) faults.push(`${rid} is still held`)
  if (Number(books.state[PLACES_FIELD] ?? 0) !== 0) faults.push(`${books.state[PLACES_FIELD]} places are still taken`)
  return {
    faults,
    budgets: budgetsOf(books, seen, faults),
    settled: settledRids.size,
    late: books.settled.filter(({ isLate }) => isLate).length,
    voided: [...books.finals.values()].filter((entry) => entry === '').length,
    unaccounted
  }
}

/** The hours' sums are those of the records, of whatever way they ended. */
function compareHours ({ team, settled, expired, hours }: TeamBooks, faults: string[]): void {
  const records = [...settled, ...expired].map(({ record }) => record)
  for (const [name, ofHours, ofRecords] of [
    ['requests', hours.map(({ counts }) => counts.requests), records.map(({ superseded }) => superseded ? 0 : 1)],
    ['tokens', hours.map(({ counts }) => tokensOf(counts)), records.map(({ usage }) => tokensOf(usage))],
    ['costs', hours.map(({ counts }) => counts.costNano), records.map(({ costNano }) => costNano)]
  ] as const) {
    if (sum(ofHours) !== sum(ofRecords)) faults.push(`${team.id}: the hours come to ${sum(ofHours)} ${name}, and the records to ${sum(ofRecords)}`)
  }
}

function onceEach (what: string, ids: readonly string[], faults: string[]): Set<string> {
  const seen = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) faults.push(`${what} ${id} is there more than once`)
    seen.add(id)
  }
  return seen
}

/** Every record says what the upstream says and what the client was told. @returns those of the upstream that have a record */
function compareRecords ({ settled }: TeamBooks, { upstream, sendings }: Witnesses, faults: string[]): Set<RequestRecord> {
  const told = new Map(sendings.map((sending) => [sending.requestId, sending]))
  const accounted = new Set<RequestRecord>()
  for (const { record } of settled) {
    const { requestId, usage, upstreamRequestId = '' } = record
    const seen = upstream.get(upstreamRequestId)
    if (seen === undefined) faults.push(`the upstream knows nothing of ${requestId}`)
    else if (accounted.has(seen)) faults.push(`${upstreamRequestId} of the upstream has two records`)
    else accounted.add(seen)
    if (usage.inputTokens !== seen?.charge.inputTokens || usage.outputTokens !== seen.charge.outputTokens) {
      faults.push(`${requestId} (${record.outcome}, ${usage.source}) is recorded with ${usage.inputTokens} + ${usage.outputTokens} tokens ` +
        `and was ${seen?.charge.inputTokens} + ${seen?.charge.outputTokens} to the upstream (${seen?.ending})`)
    }
    const used = told.get(requestId)?.used
    if (used !== undefined && (used.inputTokens !== usage.inputTokens || used.outputTokens !== usage.outputTokens)) {
      faults.push(`${requestId} told its client ${tokensOf(used)} tokens and not ${tokensOf(usage)}`)
    }
  }
  return accounted
}

/** The upstream's records of a team, and those of them that have one in the ledger. */
interface Seen { readonly ofTeam: readonly RequestRecord[], readonly accounted: ReadonlySet<RequestRecord> }
interface Explaining { readonly witnesses: Witnesses, readonly faults: string[] }

/** Whatever the upstream did that no record tells of must be covered by a hold that ran out, one for each. */
function explain (lost: readonly Expired[], { accounted, ofTeam }: Seen, { witnesses, faults }: Explaining): Unaccounted[] {
  const unexplained = new Map(ofTeam.filter((seen) => !accounted.has(seen) && tokensOf(seen.charge) > 0).map((seen) => [markerIn(seen.body), seen]))
  const explained = lost.map(({ rid, record }): Unaccounted => {
    const holds = holdsOf(record)
    const client = witnesses.clientOfKey(record.keyId)?.name ?? ''
    const sending = sendingOf(rid, client, witnesses)
    if (sending === undefined) faults.push(`no client asked for ${rid}`)
    else if (!mayBeLost(sending, witnesses)) faults.push(`${rid} was lost, though it was ${sending.status} by ${sending.servedBy}`)
    const seen = unexplained.get(sending?.marker ?? '')
    unexplained.delete(sending?.marker ?? '')
    const held = holds.get('t.b.tokens')
    if (seen !== undefined && held !== undefined && tokensOf(seen.charge) > held) faults.push(`${rid} held ${held} tokens and used more`)
    return { rid, client, holds, upstream: seen?.charge }
  })
  for (const [marker, { ending, charge }] of unexplained) faults.push(`${marker} (${ending}) used ${tokensOf(charge)} tokens that nobody has booked`)
  return explained
}

/** By budget: the record says the most that could be charged to each. */
function holdsOf ({ usage, costNano }: LedgerRecord): Map<string, number> {
  return new Map(BUDGETS.map(({ id, unit }) => [id, unit === 'tokens' ? tokensOf(usage) : costNano]))
}

/** Only a gateway that was killed may forget a request, and none that it had refused. */
function mayBeLost ({ status, servedBy = '' }: Sending, { killed }: Witnesses): boolean {
  return killed.has(servedBy) && (status === 'broken' || status === 'answered')
}

/** A client that was cut off never saw its request's id, but the id says when the request came, and a client makes one at a time. */
function sendingOf (rid: string, client: string, { sendings }: Witnesses): Sending | undefined {
  const [requestId = ''] = rid.split('#')
  const cameMs = Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16)
  return sendings.find((one) => one.requestId === requestId) ??
    sendings.find((one) => one.client === client && one.startMs <= cameMs && cameMs <= one.endMs)
}

function budgetsOf ({ team, state, expired }: TeamBooks, { accounted, ofTeam }: Seen, faults: string[]): BudgetAudit[] {
  const audits: BudgetAudit[] = []
  for (const { id, unit, maxOf } of BUDGETS) {
    const max = maxOf(team)
    if (max === undefined) continue
    const budget = `${team.id}: ${unit}`
    const charged = (all: Iterable<RequestRecord>): number => sum([...all].map((seen) => unit === 'tokens' ? tokensOf(seen.charge) : priceOf(seen.charge, modelIn(seen))))
    const [billed, upstream, unaccounted] = [charged(accounted), charged(ofTeam), sum(expired.map(({ record }) => holdsOf(record).get(id) ?? 0))]
    const [spent, held] = [Number(state[`bs:${id}:${WINDOW}`] ?? 0), Number(state[`br:${id}:${WINDOW}`] ?? 0)]
    if (held !== 0) faults.push(`${budget}: ${held} are still held`)
    if (spent > max) faults.push(`${budget}: ${spent} of ${max} are spent`)
    if (upstream > max) faults.push(`${budget}: the upstream charges ${upstream} of ${max}`)
    if (spent !== billed + unaccounted) faults.push(`${budget}: ${spent} are spent, but ${billed} billed and ${unaccounted} unaccounted`)
    audits.push({ budget, spent, billed, unaccounted, upstream, max })
  }
  return audits
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function modelIn ({ json }: RequestRecord): unknown {
  return (json as { model?: unknown }).model
}
