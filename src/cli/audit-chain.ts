import { GENESIS, verifyChain } from '../accounts/audit.ts'
import type { AuditEntry, AuditHead } from '../accounts/audit.ts'

export type LogVerdict =
  | { readonly ok: true, readonly head: AuditHead }
  | { readonly ok: false, readonly seq: number, readonly why: string }

/**
 * Whether a log, told of page by page and newest first, is one chain from its first entry to its last, with `seen` among its
 * entries. No more than a page is kept.
 * @param seen a head that was noted before; what has been cut off behind it cannot be missed
 */
export async function verifyLog (pages: AsyncIterable<readonly AuditEntry[]>, seen?: AuditHead): Promise<LogVerdict> {
  let newest: AuditHead | undefined
  /** What the next entry, which is an older one, has to be. */
  let expected: AuditHead | undefined
  for await (const page of pages) {
    const oldestFirst = [...page].reverse()
    const [oldest] = oldestFirst
    if (oldest === undefined) continue
    const before = { seq: oldest.seq - 1, hash: oldest.previous }
    const verdict = verifyChain(oldestFirst, before)
    if (!verdict.ok) return verdict
    if (expected !== undefined && !areSame(verdict.head, expected)) return brokenBehind(verdict.head)
    const found = seen === undefined ? undefined : page.find(({ seq }) => seq === seen.seq)
    if (found !== undefined && found.hash !== seen?.hash) return { ok: false, seq: found.seq, why: 'it is another one than was seen before' }
    newest ??= verdict.head
    expected = before
  }
  const head = newest ?? GENESIS
  if (expected !== undefined && !areSame(expected, GENESIS)) return brokenBehind(GENESIS)
  if (seen !== undefined && seen.seq > head.seq) return { ok: false, seq: seen.seq, why: `it was seen before, and the log ends with ${head.seq}` }
  return { ok: true, head }
}

function areSame (a: AuditHead, b: AuditHead): boolean {
  return a.seq === b.seq && a.hash === b.hash
}

function brokenBehind ({ seq }: AuditHead): LogVerdict {
  return { ok: false, seq: seq + 1, why: 'it was not written behind the entry before it, or that one is gone' }
}

/** `12:9f86d0…`, as it is shown. */
export function headText ({ seq, hash }: AuditHead): string {
  return `${seq}:${hash}`
}

/** undefined for a text that is none. */
export function headFrom (text: string): AuditHead | undefined {
  const [, seq, hash = ''] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? (text === headText(GENESIS) ? ['', '0'] : [])
  return seq === undefined ? undefined : { seq: Number(seq), hash }
}
