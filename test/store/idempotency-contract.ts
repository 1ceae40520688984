import type { Test } from 'tap'
import type { IdempotencyStore } from '../../src/accounts/idempotency-store.ts'

export interface IdempotencyStoreUnderTest {
  readonly store: IdempotencyStore
  /** Another process's view of the same. */
  readonly other: IdempotencyStore
  /** Lets a key's time pass. */
  passed (name: string, lifeMs: number): Promise<void>
}

const LONG_MS = 3_600_000
/** Of every store that is opened here. */
export const KEYS_MAX_HERE = 3

/** What every store promises of names that one alone may take. */
export async function idempotencyContract (t: Test, open: (t: Test) => Promise<IdempotencyStoreUnderTest>): Promise<void> {
  await t.test('whoever is first has the name, and everybody else is told with what', async (t) => {
    const { store, other } = await open(t)
    t.same(await store.take('a', 'first 搜索 "x"', LONG_MS), { status: 'new' })
    for (const side of [store, other]) t.same(await side.take('a', 'second', LONG_MS), { status: 'known', text: 'first 搜索 "x"' })
    t.same(await other.take('b', 'second', LONG_MS), { status: 'new' }, 'another name is free')
  })

  await t.test('of many at once one is first', async (t) => {
    const { store, other } = await open(t)
    const tries = await Promise.all(Array.from({ length: 20 }, (_, index) => [store, other][index % 2]?.take('a', `text ${index}`, LONG_MS)))
    const won = tries.flatMap((taking, index) => taking?.status === 'new' ? [index] : [])
    t.equal(won.length, 1)
    t.same(new Set(tries.flatMap((taking) => taking?.status === 'known' ? [taking.text] : [])), new Set([`text ${won[0]}`]))
  })

  await t.test('a text is replaced or given back by whoever still has it', async (t) => {
    const { store, other } = await open(t)
    await store.take('a', 'mine', LONG_MS)
    await other.replace('a', { from: 'not mine', to: 'theirs', lifeMs: LONG_MS })
    await other.release('a', 'not mine')
    await other.replace('b', { from: 'mine', to: 'theirs', lifeMs: LONG_MS })
    t.same(await other.take('a', 'x', LONG_MS), { status: 'known', text: 'mine' })
    t.same(await other.take('b', 'x', LONG_MS), { status: 'new' }, 'nothing comes of replacing nothing')
    await store.replace('a', { from: 'mine', to: 'done', lifeMs: LONG_MS })
    await store.release('a', 'mine')
    t.same(await other.take('a', 'x', LONG_MS), { status: 'known', text: 'done' })
    await other.release('a', 'done')
    t.same(await store.take('a', 'x', LONG_MS), { status: 'new' })
  })

  await t.test('a key ends when its time is over, and one that was replaced has a time of its own', async (t) => {
    const { store, passed } = await open(t)
    await store.take('a', 'mine', 5)
    await passed('a', 5)
    await store.replace('a', { from: 'mine', to: 'too late', lifeMs: LONG_MS })
    t.same(await store.take('a', 'theirs', LONG_MS), { status: 'new' })
    await store.replace('a', { from: 'theirs', to: 'done', lifeMs: 5 })
    await passed('a', 5)
    t.same(await store.take('a', 'another', LONG_MS), { status: 'new' })
  })

  await t.test('only so many are remembered, and what is over makes room', async (t) => {
    const { store, passed } = await open(t)
    await store.take('short', 'x', 5)
    for (let index = 1; index < KEYS_MAX_HERE; index++) await store.take(`long ${index}`, 'x', LONG_MS)
    await passed('short', 5)
    t.same(await store.take('one', 'x', LONG_MS), { status: 'new' })
    t.same(await store.take('too many', 'x', LONG_MS), { status: 'full' })
    t.same(await store.take('one', 'y', LONG_MS), { status: 'known', text: 'x' }, 'what is remembered stays')
    await store.release('one', 'x')
    t.same(await store.take('too many', 'x', LONG_MS), { status: 'new' })
  })
}
