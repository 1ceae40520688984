import { DAY_MS } from './retention.ts'
import type { Listed, ListQuery } from '../metering/ledger.ts'

/** Which list an entry is of: the ledger's, or that of refusals. */
type List = 'l' | 'r'

export interface Place {
  /** When it was written. */
  readonly atMs: number
  /** Unique among what the list has of that moment, in the order of writing where there is one. */
  readonly sequence: bigint | number
  readonly team: string
}

const MS_DIGITS = 13
/** Of any number of 64 bits. */
const SEQUENCE_DIGITS = 20
const TIME_MS_MAX = 10 ** MS_DIGITS - 1

/** Sorts as a text like what it names by time, whatever the list and the team. */
export function cursorOf (list: List, { atMs, sequence, team }: Place): string {
  return `${String(atMs).padStart(MS_DIGITS, '0')}-${String(sequence).padStart(SEQUENCE_DIGITS, '0')}-${list}-${team}`
}

/** When the records of a query can have been written, both ends included. */
export interface WrittenRange { readonly earliestMs: number, readonly latestMs: number }

/** Clocks of gateways and stores may differ by so much. */
const CLOCKS_APART_MS_MAX = 3_600_000
/**
 * A settlement comes within hours of its request, and a lease that nobody renews ends with the next sweep: only where no
 * gateway ran for longer than this is a record written later, and then it is listed by queries that reach up to then.
 */
const WRITTEN_AFTER_MS_MAX = DAY_MS

function writtenRange ({ fromMs, toMs, before }: ListQuery): WrittenRange {
  const beforeMs = before === undefined ? NaN : Number(before.slice(0, MS_DIGITS))
  return {
    earliestMs: Math.max(0, fromMs - CLOCKS_APART_MS_MAX),
    latestMs: Math.min(TIME_MS_MAX, toMs + WRITTEN_AFTER_MS_MAX, Number.isSafeInteger(beforeMs) ? beforeMs : TIME_MS_MAX)
  }
}

/**
 * The answer to a query, from pages that are each of a bounded length.
 * @param pages of everything that was written in a range, the latest first
 */
export async function listed<Item extends { readonly timeMs: number }> (
  query: ListQuery, pages: (range: WrittenRange) => AsyncIterable<readonly Listed<Item>[]>
): Promise<Listed<Item>[]> {
  const { fromMs, toMs, before, limit } = query
  const found: Listed<Item>[] = []
  if (limit <= 0) return found
  for await (const page of pages(writtenRange(query))) {
    for (const item of page) {
      const { cursor, record: { timeMs } } = item
      if (timeMs < fromMs || timeMs >= toMs || (before !== undefined && cursor >= before)) continue
      found.push(item)
      if (found.length >= limit) return found
    }
  }
  return found
}
