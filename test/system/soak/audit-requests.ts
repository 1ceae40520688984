import { countPrompt } from '../../../src/tokens/prompt.ts'
import { markedPrompt } from '../../support/fleet/wording.ts'
import type { Chat } from '../../support/fleet/chat.ts'
import type { Client, Sending } from './load.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { Seen } from './witness.ts'

/** What everybody but the gateways knows. */
export interface Witnesses {
  readonly sendings: ReadonlyMap<string, Sending>
  readonly clientOfKey: (keyId: string) => Client | undefined
  /** What the upstream saw of each marker, oldest first. */
  readonly seen: ReadonlyMap<string, readonly Seen[]>
  /** Lives of gateways that were ended by force. */
  readonly killed: ReadonlySet<string>
}

/** One request of a client's with all that the books have of it, in the order of its attempts. */
export interface Exchange { readonly sending: Sending, readonly records: readonly LedgerRecord[] }

/** Brings records and requests together. @returns each request that was sent, whether it has a record or not */
export function exchangesOf (records: readonly LedgerRecord[], team: string, witnesses: Witnesses, faults: string[]): Exchange[] {
  const sendings = [...witnesses.sendings.values()].filter(({ client }) => client.team.id === team)
  const found = new Map<Sending, LedgerRecord[]>(sendings.map((sending) => [sending, []]))
  const owners = createOwners(sendings, witnesses)
  const requests = [...Map.groupBy(records, ({ requestId }) => requestId).values()]
  // Those that tell by their prompts whose they are come before those that do not.
  for (const request of requests.sort((one, other) => Number(hasPrompt(other)) - Number(hasPrompt(one)))) {
    const sending = owners(request)
    if (sending === undefined) faults.push(`${request.map(nameOf).join(', ')} is nobody's request`)
    else found.get(sending)?.push(...request)
  }
  return [...found].map(([sending, ofSending]) => ({ sending, records: ofSending.sort((one, other) => one.attempt - other.attempt) }))
}

/**
 * A client that never saw the head of its answer does not know the request's id. Then the upstream knows whose it was; and where
 * that does not either, the records say when the request came. A client makes one at a time, but the gateway may be late.
 */
function createOwners (sendings: readonly Sending[], { clientOfKey, seen }: Witnesses): (request: readonly LedgerRecord[]) => Sending | undefined {
  const markers = new Map([...seen.values()].flat().map(({ id, marker }) => [id, marker]))
  const byId = new Map(sendings.flatMap((sending) => sending.requestId === undefined ? [] : [[sending.requestId, sending] as const]))
  const unnamed = Map.groupBy(sendings.filter(({ requestId }) => requestId === undefined), ({ client }) => client)
  return (request) => {
    const [{ requestId = '', keyId = '', timeMs = 0 } = {}] = request
    const client = clientOfKey(keyId)
    const sending = byId.get(requestId)
    if (sending !== undefined) return sending.client === client ? sending : undefined
    const others = (client === undefined ? undefined : unnamed.get(client)) ?? []
    const candidates = others.filter(({ startMs }) => startMs <= timeMs)
    const known = new Set(request.map(({ upstreamRequestId = '' }) => markers.get(upstreamRequestId)))
    const owner = candidates.find(({ marker }) => known.has(marker)) ?? candidates.findLast((one) => request.every((record) => mayBe(one, record)))
    if (owner !== undefined) others.splice(others.indexOf(owner), 1)
    return owner
  }
}

function hasPrompt (request: readonly LedgerRecord[]): boolean {
  return request.some(({ usage }) => usage.inputTokens > 0)
}

function mayBe ({ marker, planned: { chat } }: Sending, { model, surface, stream, outcome, usage }: LedgerRecord): boolean {
  if (chat.model !== model || chat.surface !== surface || chat.isStream !== stream) return false
  return outcome === 'expired' || usage.inputTokens === 0 || usage.inputTokens === promptTokensOf({ ...chat, marker })
}

export function promptTokensOf (chat: Chat): number {
  return countPrompt({ messages: [{ role: 'user', content: markedPrompt(chat), toolCalls: [] }], tools: [] })
}

/** One record that counts for each request that was let in; others only before it, and none for those that were not. */
export function auditRequest ({ sending, records }: Exchange, { killed, seen }: Witnesses, faults: string[]): void {
  const { how, marker, servedBy, status } = sending
  const wasKilled = killed.has(servedBy)
  const fault = (what: string): void => { faults.push(`${marker} (${how} ${status ?? ''} by ${servedBy}) ${what}: ${records.map(nameOf).join(', ') || 'no record'}`) }
  if (records.some(({ attempt }, place) => attempt !== place + 1)) fault('has attempts that are not counted from 1')
  const counting = records.filter(({ superseded }) => !superseded)
  if (counting.length > 1 || records.slice(0, -1).some(({ superseded }) => !superseded)) fault('is counted more than once')
  if (counting.length === 0 && records.length > 0 && !wasKilled) fault('has attempts that nothing follows')
  if (how === 'refused' && records.length > 0) fault('was refused and has a record')
  // Whoever left before all of it was read may have been refused.
  const mayHaveNone = how === 'refused' || how === 'unavailable' || wasKilled || ((status === undefined || how === 'left') && !seen.has(marker))
  if (records.length === 0 && !mayHaveNone) fault('was let in and is in no book')
  const last = counting[0]
  if (last !== undefined) auditEnd(sending, last, wasKilled, fault)
}

const OUTCOMES: Readonly<Record<Exclude<Sending['how'], 'refused'>, readonly LedgerRecord['outcome'][]>> = {
  answered: ['completed', 'cut'],
  failed: ['failed'],
  unavailable: ['failed'],
  broken: ['failed', 'cut'],
  left: ['client_closed', 'completed', 'failed', 'cut'],
  lost: ['client_closed', 'completed', 'failed', 'cut']
}

function auditEnd ({ how, status, used, planned }: Sending, last: LedgerRecord, wasKilled: boolean, fault: (what: string) => void): void {
  if (last.outcome === 'expired') {
    if (!wasKilled) fault('expired, though no gateway died of it')
    return
  }
  if (how !== 'refused' && !OUTCOMES[how].includes(last.outcome)) fault('ended otherwise for its client')
  if (status !== undefined && last.status !== status) fault('had another status for its client')
  const isTold = used !== undefined && last.usage.source === 'reported'
  if (isTold && (used.inputTokens !== last.usage.inputTokens || used.outputTokens !== last.usage.outputTokens)) {
    fault(`was told ${used.inputTokens} + ${used.outputTokens} tokens`)
  }
  const { model, surface, isStream } = planned.chat
  if (last.model !== model || last.surface !== surface || last.stream !== isStream) fault('is recorded as another request')
}

export function nameOf ({ requestId, attempt, superseded, outcome, errorKind, status, usage }: LedgerRecord): string {
  const error = errorKind === undefined ? '' : ` ${errorKind}`
  return `${requestId}#${attempt} ${superseded ? 'superseded ' : ''}${outcome}${error} ${status} with ${usage.inputTokens} + ${usage.outputTokens} ${usage.source}`
}
