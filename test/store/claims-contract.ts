import type { Test } from 'tap'
import type { Claims } from '../../src/accounts/claims.ts'

export interface ClaimsUnderTest {
  readonly claims: Claims
  /** Another process's view of the same. */
  readonly other: Claims
  /** Lets a claim's time pass. */
  passed (name: string, lifeMs: number): Promise<void>
}

const LONG_MS = 3_600_000
/** Of every store that is opened here. */
export const CLAIMS_MAX_HERE = 3

/** What every store promises of names that one alone may take. */
export async function claimsContract (t: Test, open: (t: Test) => Promise<ClaimsUnderTest>): Promise<void> {
  await t.test('whoever is first has the name, and everybody else is told with what', async (t) => {
    const { claims, other } = await open(t)
    t.same(await claims.claim('a', 'first 搜索 "x"', LONG_MS), { status: 'claimed' })
    for (const side of [claims, other]) t.same(await side.claim('a', 'second', LONG_MS), { status: 'taken', text: 'first 搜索 "x"' })
    t.same(await other.claim('b', 'second', LONG_MS), { status: 'claimed' }, 'another name is free')
  })

  await t.test('of many at once one is first', async (t) => {
    const { claims, other } = await open(t)
    const tries = await Promise.all(Array.from({ length: 20 }, (_, index) => [claims, other][index % 2]?.claim('a', `text ${index}`, LONG_MS)))
    const won = tries.flatMap((claim, index) => claim?.status === 'claimed' ? [index] : [])
    t.equal(won.length, 1)
    t.same(new Set(tries.flatMap((claim) => claim?.status === 'taken' ? [claim.text] : [])), new Set([`text ${won[0]}`]))
  })

  await t.test('a text is replaced or given back by whoever still has it', async (t) => {
    const { claims, other } = await open(t)
    await claims.claim('a', 'mine', LONG_MS)
    await other.replace('a', { from: 'not mine', to: 'theirs', lifeMs: LONG_MS })
    await other.release('a', 'not mine')
    await other.replace('b', { from: 'mine', to: 'theirs', lifeMs: LONG_MS })
    t.same(await other.claim('a', 'x', LONG_MS), { status: 'taken', text: 'mine' })
    t.same(await other.claim('b', 'x', LONG_MS), { status: 'claimed' }, 'nothing comes of replacing nothing')
    await claims.replace('a', { from: 'mine', to: 'done', lifeMs: LONG_MS })
    await claims.release('a', 'mine')
    t.same(await other.claim('a', 'x', LONG_MS), { status: 'taken', text: 'done' })
    await other.release('a', 'done')
    t.same(await claims.claim('a', 'x', LONG_MS), { status: 'claimed' })
  })

  await t.test('a claim ends when its time is over, and one that was replaced has a time of its own', async (t) => {
    const { claims, passed } = await open(t)
    await claims.claim('a', 'mine', 5)
    await passed('a', 5)
    await claims.replace('a', { from: 'mine', to: 'too late', lifeMs: LONG_MS })
    t.same(await claims.claim('a', 'theirs', LONG_MS), { status: 'claimed' })
    await claims.replace('a', { from: 'theirs', to: 'done', lifeMs: 5 })
    await passed('a', 5)
    t.same(await claims.claim('a', 'another', LONG_MS), { status: 'claimed' })
  })

  await t.test('only so many are remembered, and what is over makes room', async (t) => {
    const { claims, passed } = await open(t)
    await claims.claim('short', 'x', 5)
    for (let index = 1; index < CLAIMS_MAX_HERE; index++) await claims.claim(`long ${index}`, 'x', LONG_MS)
    await passed('short', 5)
    t.same(await claims.claim('one', 'x', LONG_MS), { status: 'claimed' })
    t.same(await claims.claim('too many', 'x', LONG_MS), { status: 'full' })
    t.same(await claims.claim('one', 'y', LONG_MS), { status: 'taken', text: 'x' }, 'what is remembered stays')
    await claims.release('one', 'x')
    t.same(await claims.claim('too many', 'x', LONG_MS), { status: 'claimed' })
  })
}
