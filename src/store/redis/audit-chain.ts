import { chained, GENESIS } from '../../accounts/audit.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AuditDraft, AuditEntry, AuditHead } from '../../accounts/audit.ts'

/** Other gateways may have come first, again and again. */
const TRIES_MAX = 64
const WAITING_MAX = 1_000

/**
 * Writes an entry that follows on `head`, and gives the head that there is where that is another one.
 */
export type WriteLink = (link: AuditEntry, head: AuditHead) => Promise<AuditHead | undefined>

export interface Chaining {
  /** @throws GatewayError `store_unavailable` or `overloaded`, and what `write` throws */
  add (draft: AuditDraft, write: WriteLink): Promise<AuditEntry>
}

/**
 * Redis cannot compute the hashes of the chain, so a gateway does, from the head it knows, and Redis takes the entry if that
 * still is the head. A gateway's own writes go one after the other, so as not to come before each other.
 */
export function createChaining (): Chaining {
  let known = GENESIS
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  async function add (draft: AuditDraft, write: WriteLink): Promise<AuditEntry> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const link = chained(draft, known)
      const other = await write(link, known)
      known = other ?? { seq: link.seq, hash: link.hash }
      if (other === undefined) return link
    }
    throw new GatewayError('store_unavailable', 'Too many gateways write at the same time. Try again shortly.')
  }

  return {
    async add (draft, write) {
      if (waiting >= WAITING_MAX) throw new GatewayError('overloaded', 'Too many writes wait for the store. Try again shortly.')
      waiting++
      const turn = last.then(() => add(draft, write)).finally(() => { waiting-- })
      last = turn.catch(() => undefined)
      return await turn
    }
  }
}
