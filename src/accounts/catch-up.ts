import { draftOf, factsOfActor } from './audit.ts'
import { entryName, RESTORED_ENTRIES_MAX } from './store.ts'
import type { AccountEntry, AccountStore } from './store.ts'
import type { AccountIndex } from './account-index.ts'
import type { Clock } from '../core/clock.ts'

/**
 * Fills the index from the store. The function it gives takes in what was written since, one call after the other; it
 * rejects while the store cannot be read, and then the index stays as it is.
 */
export async function createCatchUp (
  store: AccountStore, index: AccountIndex, clock: Pick<Clock, 'nowMs'>
): Promise<() => Promise<void>> {
  const loaded = await store.load()
  index.replaceAll(loaded.entries)
  let cursor = loaded.cursor

  async function step (): Promise<void> {
    const changes = await store.changesSince(cursor)
    if (changes.status === 'changes') {
      for (const entry of changes.entries) index.apply(entry)
      cursor = changes.cursor
      return
    }
    const { entries, cursor: next } = await store.load()
    const ours = changes.status === 'lost' ? laterThan(entries, index.entries()) : []
    index.replaceAll(entries)
    // Before anything is put back: should that fail, the next step finds the store as lost as it is now.
    for (const entry of ours) index.apply(entry)
    await restore(store, ours, clock.nowMs())
    cursor = next
  }

  let last: Promise<void> = Promise.resolve()
  return () => {
    const next = last.then(step)
    last = next.catch(() => undefined)
    return next
  }
}

/** What we know of in a later revision than the store, removals too: a key that is gone must not come back. */
function laterThan (stored: readonly AccountEntry[], ours: readonly AccountEntry[]): AccountEntry[] {
  const revisions = new Map(stored.map((entry) => [entryName(entry), entry.revision]))
  return ours.filter((entry) => entry.revision > (revisions.get(entryName(entry)) ?? 0))
}

/** A log that was lost with the rest begins anew: its first entries say why. */
async function restore (store: AccountStore, entries: readonly AccountEntry[], nowMs: number): Promise<void> {
  if (entries.length === 0) return
  for (let start = 0; start < entries.length; start += RESTORED_ENTRIES_MAX) {
    await store.restore(entries.slice(start, start + RESTORED_ENTRIES_MAX))
  }
  const facts = { action: 'accounts.restore', object: 'accounts', outcome: 'done', detail: { entries: entries.length } } as const
  await store.append(draftOf({ ...factsOfActor(undefined), ...facts }, nowMs))
}
