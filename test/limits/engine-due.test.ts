import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { createDueQueue, NO_PLACE } from '../../src/limits/engine-due.ts'

type Action = readonly ['put' | 'remove', index: number, dueMs: number]

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.tuple(fc.constantFrom('put', 'put', 'remove'), fc.nat(20), fc.oneof(fc.nat(5), fc.integer())), { maxLength: 100 })

function entries () {
  return Array.from({ length: 21 }, (_, index) => ({ rid: `r${index}`, dueMs: 0, place: NO_PLACE }))
}

t.test('whatever is put in, moved and taken out, the first is what is due first', async () => {
  fc.assert(fc.property(actions, (steps) => {
    const queue = createDueQueue()
    const all = entries()
    const present = new Set<ReturnType<typeof entries>[number]>()
    for (const [action, index, dueMs] of steps) {
      const entry = all[index]
      if (entry === undefined) return false
      if (action === 'put') {
        queue.put(entry, dueMs)
        present.add(entry)
      } else {
        queue.remove(entry)
        present.delete(entry)
      }
      const first = [...present].sort((one, other) => one.dueMs - other.dueMs || (one.rid < other.rid ? -1 : 1))[0]
      if (queue.first() !== first) return false
    }
    return all.every((entry) => present.has(entry) || entry.place === NO_PLACE)
  }))
})

t.test('it empties in the order of times, and of names where times are the same', async () => {
  fc.assert(fc.property(fc.array(fc.nat(6), { minLength: 21, maxLength: 21 }), (times) => {
    const queue = createDueQueue()
    const all = entries()
    for (const [index, entry] of all.entries()) queue.put(entry, times[index] ?? 0)
    const taken: string[] = []
    for (let first = queue.first(); first !== undefined; first = queue.first()) {
      taken.push(`${first.dueMs} ${first.rid}`)
      queue.remove(first)
    }
    // Times are of one digit, so that words are in the order of times too.
    assert.deepEqual(taken, all.map(({ dueMs, rid }) => `${dueMs} ${rid}`).sort())
  }), { numRuns: 50 })
})
