import { ERROR_KINDS } from '../core/errors.ts'
import type { Ledger, LedgerRecord, Listed, ListQuery, RefusalRecord, Refusals } from './ledger.ts'

/** One line of the log: what was charged for an attempt, or what a limit refused. */
export type RequestEntry =
  | { readonly kind: 'charged', readonly cursor: string, readonly record: LedgerRecord }
  | { readonly kind: 'refused', readonly cursor: string, readonly record: RefusalRecord }

export interface RequestLog { readonly ledger: Ledger, readonly refusals: Refusals }

export interface RequestSelection {
  readonly teams: readonly string[]
  readonly fromMs: number
  readonly toMs: number
  /** Only what was written before that; undefined for all. */
  readonly before?: string | undefined
  readonly key?: string | undefined
  readonly model?: string | undefined
  /** A status such as 429, a class such as 4xx, or how it ended. */
  readonly status?: string | undefined
}

/** What a client got for it. */
function statusOf ({ kind, record }: RequestEntry): number {
  return kind === 'charged' ? record.status : refusalStatus(record)
}

export function refusalStatus ({ errorKind }: RefusalRecord): number {
  const kinds: Readonly<Record<string, { readonly status: number } | undefined>> = ERROR_KINDS
  return kinds[errorKind]?.status ?? ERROR_KINDS.rate_limited.status
}

/** How a request can have ended. */
export const OUTCOMES = ['completed', 'failed', 'client_closed', 'cut', 'expired', 'refused'] as const

function outcomeOf ({ kind, record }: RequestEntry): typeof OUTCOMES[number] {
  return kind === 'charged' ? record.outcome : 'refused'
}

export function isSelected (entry: RequestEntry, { key, model, status }: RequestSelection): boolean {
  const { record } = entry
  if (key !== undefined && record.keyId !== key) return false
  if (model !== undefined && record.model !== model) return false
  if (status === undefined) return true
  const code = String(statusOf(entry))
  return status === code || status === `${code[0]}xx` || status === outcomeOf(entry)
}

export interface RequestPage {
  readonly entries: readonly RequestEntry[]
  /** Where the next page goes on; undefined at the end. */
  readonly next: string | undefined
}

/**
 * The first entries that are selected, the latest first. No more than `scannedMax` are looked at: there may be more behind a
 * page that is not full, or empty.
 */
export async function requestPage (
  log: RequestLog, selection: RequestSelection, { limit, scannedMax }: { readonly limit: number, readonly scannedMax: number }
): Promise<RequestPage> {
  const entries: RequestEntry[] = []
  let scanned = 0
  let last: string | undefined
  for await (const part of requestEntries(log, selection)) {
    for (const entry of part) {
      if (isSelected(entry, selection)) {
        if (entries.length === limit) return { entries, next: entries.at(-1)?.cursor }
        entries.push(entry)
      }
      last = entry.cursor
      if (++scanned >= scannedMax) return { entries, next: last }
    }
  }
  return { entries, next: undefined }
}

/** Of all sources together at first; one that turns out to have much is asked for twice as much each time. */
const READ_AT_FIRST_MAX = 1_000
const READ_AT_ONCE_MAX = 200
const SOURCES_AT_ONCE = 16

/** One list of one team, as far as it has been read. */
interface Source {
  readonly list: (query: ListQuery) => Promise<readonly RequestEntry[]>
  readonly team: string
  entries: readonly RequestEntry[]
  before: string | undefined
  limit: number
  isOver: boolean
}

/**
 * Everything that was written in that time, whether or not it is selected otherwise, the latest first: the lists of all teams
 * as one. Of each only a part is in memory.
 */
export async function * requestEntries (
  log: RequestLog, { teams, ...range }: RequestSelection
): AsyncGenerator<RequestEntry[], void, undefined> {
  const limit = Math.min(READ_AT_ONCE_MAX, Math.max(1, Math.floor(READ_AT_FIRST_MAX / (2 * teams.length))))
  const state = { entries: [], before: range.before, limit, isOver: false }
  const sources = teams.flatMap((team): Source[] => [
    { ...state, team, list: async (query) => (await log.ledger.list(query)).map(charged) },
    { ...state, team, list: async (query) => (await log.refusals.list(query)).map(refused) }
  ])
  for (;;) {
    await fill(sources.filter(({ entries, isOver }) => entries.length === 0 && !isOver), range)
    const part = takeSafe(sources)
    if (part.length === 0) return
    yield part
  }
}

function charged ({ cursor, record }: Listed<LedgerRecord>): RequestEntry {
  return { kind: 'charged', cursor, record }
}

function refused ({ cursor, record }: Listed<RefusalRecord>): RequestEntry {
  return { kind: 'refused', cursor, record }
}

type Range = Pick<RequestSelection, 'fromMs' | 'toMs'>

async function fill (sources: readonly Source[], { fromMs, toMs }: Range): Promise<void> {
  const read = async (source: Source): Promise<void> => {
    const { list, team, before, limit } = source
    source.entries = await list({ team, fromMs, toMs, limit, ...(before === undefined ? {} : { before }) })
    source.before = source.entries.at(-1)?.cursor ?? before
    source.isOver = source.entries.length < limit
    source.limit = Math.min(READ_AT_ONCE_MAX, 2 * limit)
  }
  for (let from = 0; from < sources.length; from += SOURCES_AT_ONCE) {
    await Promise.all(sources.slice(from, from + SOURCES_AT_ONCE).map(read))
  }
}

/** What a source has not given yet was written before all that it gave: so nothing can come between what is taken here. */
function takeSafe (sources: readonly Source[]): RequestEntry[] {
  const horizon = sources.reduce((latest, { entries, isOver }) => {
    const last = isOver ? '' : entries.at(-1)?.cursor ?? ''
    return last > latest ? last : latest
  }, '')
  const taken: RequestEntry[] = []
  for (const source of sources) {
    const end = source.entries.findIndex(({ cursor }) => cursor < horizon)
    const count = end < 0 ? source.entries.length : end
    taken.push(...source.entries.slice(0, count))
    source.entries = source.entries.slice(count)
  }
  return taken.sort((one, other) => one.cursor > other.cursor ? -1 : 1)
}
