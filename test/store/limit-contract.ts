import type { Test } from 'tap'
import { bookRules } from './limit-contract-books.ts'
import { budgetRules } from './limit-contract-budgets.ts'
import { leaseRules } from './limit-contract-leases.ts'
import { rateRules } from './limit-contract-rates.ts'
import { reserveRules } from './limit-contract-reserve.ts'
import { sceneOf } from './limit-scene.ts'
import { settleRules } from './limit-contract-settle.ts'
import type { LimitStoreUnderTest, Scene } from './limit-scene.ts'

/** A scene of its own for one test, closed with it. Its clock stands at MIDNIGHT_MS. */
export type OpenScene = (t: Test) => Promise<Scene>

/**
 * What every LimitStore promises: each rule is at least one example here.
 * @param name of the store, for the names of the tests
 * @param open gives an empty store whose clock stands at MIDNIGHT_MS
 */
export async function limitContract (t: Test, name: string, open: (t: Test) => Promise<LimitStoreUnderTest>): Promise<void> {
  const openScene: OpenScene = async (t) => {
    const under = await open(t)
    t.teardown(() => under.close())
    return sceneOf(under)
  }
  await t.test(`${name}: reserving`, (t) => reserveRules(t, openScene))
  await t.test(`${name}: rates`, (t) => rateRules(t, openScene))
  await t.test(`${name}: settling`, (t) => settleRules(t, openScene))
  await t.test(`${name}: leases`, (t) => leaseRules(t, openScene))
  await t.test(`${name}: records`, (t) => bookRules(t, openScene))
  await t.test(`${name}: budgets`, (t) => budgetRules(t, openScene))
}
