import { changeOf } from './audit-detail.ts'
import { draftOf, factsOfActor } from './audit.ts'
import { entryName } from './store.ts'
import { GatewayError } from '../core/errors.ts'
import type { AccountEntry, AccountStore, Documents, Kind } from './store.ts'
import type { AccountIndex } from './account-index.ts'
import type { Actor } from './actor.ts'
import type { Clock } from '../core/clock.ts'

/** Writes of documents of any kind, to the store first and then to memory, each with its entry in the audit log. */
export interface Writes {
  create<K extends Kind> (
    kind: K, document: Unwritten<Documents[K]>, by: Actor | undefined, action?: string
  ): Promise<Documents[K]>
  /** Puts `after` in the place of `before`, as its next revision. */
  replace<K extends Kind> (change: Change<K>, by: Actor | undefined): Promise<Documents[K]>
  remove<K extends Kind> (kind: K, document: Documents[K], by: Actor | undefined): Promise<void>
}

type Unwritten<Document> = Omit<Document, 'revision'> & { readonly id: string }

export interface Change<K extends Kind> {
  readonly kind: K
  readonly action: string
  readonly before: Documents[K]
  readonly after: Documents[K]
}

interface Write<K extends Kind> extends Omit<Change<K>, 'before' | 'after'> {
  readonly before: Documents[K] | undefined
  readonly after: Documents[K] | undefined
  readonly id: string
  readonly revision: number
}

export function createWrites (store: AccountStore, index: AccountIndex, clock: Pick<Clock, 'nowMs'>): Writes {
  async function write<K extends Kind> (wanted: Write<K>, by: Actor | undefined): Promise<void> {
    const { kind, action, before, after, id, revision } = wanted
    const removedMs = after === undefined ? clock.nowMs() : undefined
    // The compiler cannot see that a kind and its document belong together.
    const entry = { kind, id, revision, removedMs, document: after } as AccountEntry
    const facts = { action, object: entryName(entry), outcome: 'done', detail: changeOf(kind, before, after) } as const
    await store.put(entry, draftOf({ ...factsOfActor(by), ...facts }, clock.nowMs()))
    index.apply(entry)
  }

  return {
    async create (kind, document, by, action = `${kind}.create`) {
      const { id } = document
      const known = index.entry({ kind, id })
      if (known?.document !== undefined) throw new GatewayError('conflict', `There is a ${kind} "${id}" already.`)
      const revision = (known?.revision ?? 0) + 1
      const after = { ...document, revision } as unknown as Documents[typeof kind]
      await write({ kind, action, before: undefined, after, id, revision }, by)
      return after
    },
    async replace (change, by) {
      const { id, revision: last } = change.before
      const revision = last + 1
      const after = { ...change.after, revision }
      await write({ ...change, after, id, revision }, by)
      return after
    },
    async remove (kind, before, by) {
      await write({ kind, action: `${kind}.remove`, before, after: undefined, id: before.id, revision: before.revision + 1 }, by)
    }
  }
}
