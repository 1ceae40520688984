import { nameOf, promptTokensOf } from './audit-requests.ts'
import { tokensOf } from './audit-sums.ts'
import type { Exchange, Witnesses } from './audit-requests.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { Seen } from './witness.ts'
import type { Sending } from './load.ts'
import type { Tokens } from '../../support/fleet/chat.ts'

/** How a record may be compared with what the upstream counted. */
export type Class =
  /** The upstream's own count of an answer that it wrote to its end: equal to the token. */
  | 'reported'
  /** Its running count of an answer that did not come to its end, be it that it broke off or was hung up on. */
  | 'reported so far'
  /** No count came with the whole of an answer: its text was counted. Equal to the token. */
  | 'counted'
  /** No count came, and not all of the answer. */
  | 'counted so far'
  /** No word came: the prompt was perhaps read. */
  | 'silent'
  /** An answer began that could not be read: all that was held for its output. */
  | 'unreadable'
  /** Nobody settled it: all that was held. */
  | 'expired'
  /** It cost nothing. */
  | 'nothing'

export interface Compared {
  readonly class: Class
  readonly sending: Sending
  readonly record: LedgerRecord
  /** Undefined where the upstream never heard of it. */
  readonly seen: Seen | undefined
}

/** Of an answer in an encoding that nobody asked for nothing can be read, and nothing is charged. */
const FREE: ReadonlySet<string> = new Set(['gzip'])

const NOTHING: Tokens = { inputTokens: 0, outputTokens: 0 }

/** The same text in pieces is a token or two more or less. */
const PIECES_TOLERANCE_TOKENS = 4

/** Compares the records of one request with what the upstream saw of it. @returns one for each record */
export function compare ({ sending, records }: Exchange, witnesses: Witnesses, faults: string[]): Compared[] {
  const unmatched = new Set(witnesses.seen.get(sending.marker) ?? [])
  const byId = records.map((record) => take(unmatched, ({ id }) => id === record.upstreamRequestId))
  const compared = records.map((record, place): Compared => {
    const seen = byId[place] ?? (tokensOf(record.usage) > 0 ? take(unmatched, isSilent) ?? takeDearest(unmatched) : undefined)
    return { class: classOf(record, seen), sending, record, seen }
  })
  for (const one of compared) auditCount(one, faults)
  const rest = [...unmatched].filter(({ charge }) => tokensOf(charge) > 0)
  const isLost = witnesses.killed.has(sending.servedBy) && !sending.client.team.isLimited
  for (const { id, ending, charge, faults: met } of isLost ? [] : rest) {
    faults.push(`${sending.marker} used ${charge.inputTokens} + ${charge.outputTokens} tokens as ${id} (${ending}, ${met.join()}) that are in no book: ` +
      (records.map(nameOf).join(', ') || 'no record'))
  }
  return compared
}

function take (all: Set<Seen>, isIt: (seen: Seen) => boolean): Seen | undefined {
  const found = [...all].find(isIt)
  if (found !== undefined) all.delete(found)
  return found
}

function isSilent ({ faults, charge }: Seen): boolean {
  return tokensOf(charge) === 0 && faults.some((fault) => fault.endsWith('-start'))
}

function takeDearest (all: Set<Seen>): Seen | undefined {
  const [dearest] = [...all].sort((one, other) => tokensOf(other.charge) - tokensOf(one.charge))
  return take(all, (one) => one === dearest)
}

function classOf ({ outcome, usage, errorKind, stream }: LedgerRecord, seen: Seen | undefined): Class {
  if (outcome === 'expired') return 'expired'
  if (tokensOf(usage) === 0) return 'nothing'
  const isWhole = seen?.ending === 'complete' && errorKind === undefined
  if (usage.source === 'reported') return isWhole ? 'reported' : 'reported so far'
  // An answer in one piece of which nothing was read may have been written all the same.
  if (usage.outputTokens === 0 && (!stream || tokensOf(seen?.charge ?? NOTHING) === 0)) return 'silent'
  if (isWhole) return 'counted'
  return usage.outputTokens > (seen?.charge.outputTokens ?? 0) + PIECES_TOLERANCE_TOKENS ? 'unreadable' : 'counted so far'
}

function auditCount ({ class: kind, sending, record, seen }: Compared, faults: string[]): void {
  const { usage } = record
  const { inputTokens, outputTokens } = seen?.charge ?? NOTHING
  const fault = (what: string): void => {
    faults.push(`${nameOf(record)} (${sending.marker}, ${kind}) ${what}; the upstream counted ${inputTokens} + ${outputTokens} (${seen?.ending}, ${seen?.faults.join()})`)
  }
  const [prompt, received] = [promptTokensOf({ ...sending.planned.chat, marker: sending.marker }), record.superseded ? 0 : sending.receivedTokens]
  switch (kind) {
    case 'reported':
    case 'counted':
      if (usage.inputTokens !== inputTokens || usage.outputTokens !== outputTokens) fault('is not what the upstream counted')
      break
    case 'reported so far':
    case 'counted so far':
      if (usage.inputTokens !== (inputTokens || prompt)) fault('has another prompt')
      if (usage.outputTokens > outputTokens + PIECES_TOLERANCE_TOKENS) fault('is more than the upstream has written')
      if (usage.outputTokens < received - PIECES_TOLERANCE_TOKENS) fault(`is less than the ${received} tokens that the client received`)
      break
    case 'silent':
      if (usage.inputTokens !== prompt) fault(`is not the ${prompt} tokens of its prompt`)
      break
    case 'unreadable':
      if (usage.inputTokens !== (inputTokens || prompt)) fault('has another prompt')
      if (sending.planned.chat.maxTokens !== undefined && usage.outputTokens > sending.planned.chat.maxTokens) fault('is more than was held')
      break
    case 'expired':
      if (usage.inputTokens < inputTokens || usage.outputTokens < outputTokens) fault('does not cover it')
      break
    case 'nothing':
      if (inputTokens + outputTokens > 0 && seen?.faults.some((fault) => FREE.has(fault)) !== true) fault('cost something')
  }
}
