/** What waits for its time. `place` is the queue's own. */
export interface Due {
  readonly rid: string
  dueMs: number
  place: number
}

/** Ordered by time, and by rid where that is the same. It holds each entry once, so it is as long as there are entries. */
export interface DueQueue<Entry extends Due> {
  first (): Entry | undefined
  /** Takes an entry in, or moves it to its new time. */
  put (entry: Entry, dueMs: number): void
  remove (entry: Entry): void
}

/** The place of what is in no queue. */
export const NO_PLACE = -1

/** A binary heap whose entries know their places: moving and removing one costs as little as adding it. */
export function createDueQueue<Entry extends Due> (): DueQueue<Entry> {
  const heap: Entry[] = []

  function set (entry: Entry, place: number): void {
    heap[place] = entry
    entry.place = place
  }

  function swap (upper: Entry, lower: Entry): void {
    const { place } = upper
    set(upper, lower.place)
    set(lower, place)
  }

  function parentOf ({ place }: Entry): Entry | undefined {
    return place === 0 ? undefined : heap[(place - 1) >> 1]
  }

  function firstChildOf ({ place }: Entry): Entry | undefined {
    const [left, right] = [heap[2 * place + 1], heap[2 * place + 2]]
    return left !== undefined && right !== undefined && isBefore(right, left) ? right : left
  }

  /** Swaps an entry whose time has changed up or down to its place. */
  function settleIn (entry: Entry): void {
    let parent = parentOf(entry)
    for (; parent !== undefined && isBefore(entry, parent); parent = parentOf(entry)) swap(parent, entry)
    let child = firstChildOf(entry)
    for (; child !== undefined && isBefore(child, entry); child = firstChildOf(entry)) swap(entry, child)
  }

  return {
    first: () => heap[0],
    put (entry, dueMs) {
      entry.dueMs = dueMs
      if (entry.place === NO_PLACE) set(entry, heap.length)
      settleIn(entry)
    },
    remove (entry) {
      if (entry.place === NO_PLACE) return
      const last = heap.pop()
      if (last !== undefined && last !== entry) {
        set(last, entry.place)
        settleIn(last)
      }
      entry.place = NO_PLACE
    }
  }
}

function isBefore (one: Due, other: Due): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.rid < other.rid)
}
