import t from 'tap'
import fc from 'fast-check'
import { ATTEMPTS_MAX, KEYS_PER_TARGET_MAX, candidatesFor } from '../../src/upstream/select.ts'
import { createSeededRandom } from '../support/fixed.ts'
import { KEYRING } from '../support/keyring.ts'
import type { Model, Target } from '../../src/core/catalog.ts'

const DRAWS = 6_000

/** Only what is read to choose. */
function target (name: string, { priority = 0, weight = 1, keys = [1] }: { priority?: number, weight?: number, keys?: number[] } = {}): Target {
  const upstreamKeys = keys.map((keyWeight, index) => ({ id: `${name}${index}`, key: `${name}${index}`, weight: keyWeight }))
  return { model: name, priority, weight, upstream: { name, keys: upstreamKeys } } as unknown as Target
}

function model (...targets: Target[]): Model {
  return { name: 'm', targets } as unknown as Model
}

function names (of: Model, random: () => number): string[] {
  return candidatesFor(of, KEYRING, random).map(({ key }) => key.key)
}

/** How often each key comes first. */
function firsts (of: Model, seed: number): Map<string, number> {
  const random = createSeededRandom(seed)
  const counts = new Map<string, number>()
  for (let draw = 0; draw < DRAWS; draw++) {
    const first = names(of, random)[0] ?? 'none'
    counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  return counts
}

t.test('lower priority numbers come first, whatever their weights and places', async (t) => {
  const random = createSeededRandom(1)
  const of = model(target('c', { priority: 10, weight: 1_000 }), target('a', { priority: -1, weight: 1 }), target('b', { priority: 2 }))
  for (let draw = 0; draw < 100; draw++) t.same(names(of, random), ['a0', 'b0', 'c0'])
})

t.test('equals are drawn by their weight', async (t) => {
  const weights = [1, 2, 5, 0]
  const counts = firsts(model(...weights.map((weight, index) => target(`t${index}-`, { weight }))), 42)
  const chiSquared = weights.filter((weight) => weight > 0).reduce((sum, weight, index) => {
    const expected = DRAWS * weight / 8
    return sum + ((counts.get(`t${index}-0`) ?? 0) - expected) ** 2 / expected
  }, 0)
  // With two degrees of freedom chance goes beyond this once in a thousand, and the seed is fixed.
  t.ok(chiSquared < 13.8, `chi squared is ${chiSquared}`)
  t.notOk(counts.has('t3-0'), 'no weight, never first')
})

t.test('the keys of one upstream are drawn by their weight', async (t) => {
  const counts = firsts(model(target('a', { keys: [3, 1] })), 7)
  const expected = DRAWS * 3 / 4
  t.ok(Math.abs((counts.get('a0') ?? 0) - expected) < 4 * Math.sqrt(expected / 4), `${counts.get('a0')} of ${DRAWS}`)
})

t.test('targets without any weight are tried all the same', async (t) => {
  t.same(names(model(target('a', { weight: 0 }), target('b', { weight: 0 })), createSeededRandom(1)).sort(), ['a0', 'b0'])
})

t.test('a target without keys and a model without targets have no candidates', async (t) => {
  t.same(names(model(), () => 0), [])
  t.same(names(model(target('a', { keys: [] }), target('b')), () => 0), ['b0'])
})

t.test('there are never more tries than allowed, none twice, and all that fit', async (t) => {
  const targets = fc.array(fc.record({ priority: fc.integer({ min: -2, max: 2 }), weight: fc.nat({ max: 10 }), keys: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }) }), { maxLength: 5 })
  const edges = fc.oneof(fc.integer().map(createSeededRandom), fc.constantFrom(() => 0, () => 1 - 2 ** -53))
  fc.assert(fc.property(targets, edges, (list, random) => {
    const of = model(...list.map((entry, index) => target(`t${index}-`, entry)))
    const candidates = candidatesFor(of, KEYRING, random)
    const keys = list.reduce((sum, entry) => sum + Math.min(KEYS_PER_TARGET_MAX, entry.keys.length), 0)
    const priorities = candidates.map((candidate) => candidate.target.priority)
    return candidates.length === Math.min(ATTEMPTS_MAX, keys) && new Set(candidates.map(({ key }) => key)).size === candidates.length &&
      candidates.every((candidate) => candidate.target.upstream.keys.includes(candidate.key)) &&
      priorities.every((priority, index) => index === 0 || priority >= (priorities[index - 1] as number))
  }), { numRuns: 1000 })
  t.pass('1,000 models')
})

t.test('a pool of keys leaves a try for the next target', async (t) => {
  const of = model(target('a', { keys: [1, 1, 1, 1] }), target('b', { priority: 1 }))
  t.equal(names(of, createSeededRandom(5)).at(-1), 'b0')
})

t.test('choosing leaves the model as it is', async (t) => {
  const of = model(target('a', { keys: [1, 2] }), target('b'))
  const before = JSON.stringify(of)
  candidatesFor(of, KEYRING, createSeededRandom(3))
  t.equal(JSON.stringify(of), before)
})
