import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { Actor } from './actor.ts'
import type { Clock } from '../core/clock.ts'
import type { AccountStore } from './store.ts'
import type { JsonObject } from '../core/json.ts'

/** Who did what, or tried to. Secrets are in it as fingerprints alone. */
export interface AuditFacts {
  /** A token's id, `root`, or `gateway` for what a gateway does by itself. */
  readonly actor: string
  readonly role: string
  readonly address: string | undefined
  readonly requestId: string | undefined
  /** `key.rotate`; of what was refused, the route it was asked by. */
  readonly action: string
  /** `key:abcdefgh`. */
  readonly object: string
  readonly outcome: 'done' | 'denied' | 'failed'
  /** What was set before and after, where both differ. */
  readonly detail: JsonObject | undefined
}

/** Facts at their time, before they have a place in the log. */
export interface AuditDraft extends AuditFacts { readonly timeMs: number }

/**
 * One link of a chain. Its hash is over everything else in it, and so over the hash of the entry before: nobody can change,
 * remove, add or move an entry without changing all that follow.
 */
export interface AuditEntry extends AuditDraft {
  /** Counts from 1. */
  readonly seq: number
  readonly previous: string
  /** SHA-256 in hex. */
  readonly hash: string
}

/** The last entry there is. */
export interface AuditHead { readonly seq: number, readonly hash: string }

export interface AuditQuery {
  /** Only entries from before this one. */
  readonly before?: number | undefined
  readonly limit: number
}

/** The log of the writes of all gateways, which only ever grows. Both reject with GatewayError `store_unavailable`. */
export interface AuditLog {
  /** For what wrote nothing; a write of the directory brings its entry along. */
  append (facts: AuditFacts): Promise<AuditEntry>
  /** Newest first. Fewer than `limit` are the last. */
  list (query: AuditQuery): Promise<readonly AuditEntry[]>
}

/** What an empty log ends with. */
export const GENESIS: AuditHead = { seq: 0, hash: '' }

const DETAIL_CHARACTERS_MAX = 65_536

export function createAuditLog (store: Pick<AccountStore, 'append' | 'audit'>, clock: Pick<Clock, 'nowMs'>): AuditLog {
  return {
    append: (facts) => store.append(draftOf(facts, clock.nowMs())),
    list: (query) => store.audit(query)
  }
}

/** Facts as they may be kept: of a detail that is far too long only its length and hash are. */
export function draftOf (facts: AuditFacts, timeMs: number): AuditDraft {
  const text = facts.detail === undefined ? '' : canonicalJson(facts.detail)
  if (text.length <= DETAIL_CHARACTERS_MAX) return { ...facts, timeMs }
  return { ...facts, timeMs, detail: { characters: text.length, sha256: sha256(text) } }
}

/** Who a write is by; nobody is the gateway itself. */
export function factsOfActor (by: Actor | undefined): Pick<AuditFacts, 'actor' | 'role' | 'address' | 'requestId'> {
  if (by === undefined) return { actor: 'gateway', role: 'gateway', address: undefined, requestId: undefined }
  return { actor: by.id, role: by.role, address: by.address, requestId: by.requestId }
}

/** The entry that follows on `head`. */
export function chained (draft: AuditDraft, head: AuditHead): AuditEntry {
  const { actor, role, address, requestId, action, object, outcome, detail, timeMs } = draft
  const place = { seq: head.seq + 1, timeMs }
  const entry = { ...place, actor, role, address, requestId, action, object, outcome, detail, previous: head.hash }
  return { ...entry, hash: hashOf(entry) }
}

export type ChainVerdict =
  | { readonly ok: true, readonly head: AuditHead }
  | { readonly ok: false, readonly seq: number, readonly why: string }

/**
 * Whether entries are the ones that were written, in their order and without a gap. What was cut off at the end cannot be seen
 * in what is left: compare the head with one that was noted elsewhere.
 * @param from the entry before the first of these; by default they begin the log
 */
export function verifyChain (entriesOldestFirst: Iterable<AuditEntry>, from: AuditHead = GENESIS): ChainVerdict {
  let head = from
  for (const entry of entriesOldestFirst) {
    const { hash, ...rest } = entry
    const fault = (why: string): ChainVerdict => ({ ok: false, seq: entry.seq, why })
    if (entry.seq !== head.seq + 1) return fault(`it follows on entry ${head.seq}`)
    if (entry.previous !== head.hash) return fault('it was not written behind the entry before it')
    if (hash !== hashOf(rest)) return fault('it is not what was written')
    head = { seq: entry.seq, hash }
  }
  return { ok: true, head }
}

/** An entry from the text a store keeps of it: what is undefined is left out there. */
export function auditEntryOf (json: string): AuditEntry {
  const entry = JSON.parse(json) as AuditEntry
  return { ...entry, address: entry.address, requestId: entry.requestId, detail: entry.detail }
}

function hashOf (entry: Omit<AuditEntry, 'hash'>): string {
  return sha256(canonicalJson(entry))
}

function sha256 (text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
