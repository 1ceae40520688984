import { findingsFor } from './finding.ts'
import type { Check, Finding } from './finding.ts'
import type { Clock } from '../../core/clock.ts'

export interface RunDeps {
  readonly clock: Clock
  /** Called with each check that has ended, and how many have not. */
  readonly progress: (check: string, left: number) => void
}

/** Longest time for one check; all run at the same time. */
const CHECK_TIMEOUT_MS = 30_000

/** Runs all checks beside each other. One that throws or does not end is a finding like any other. */
export async function runChecks (checks: readonly Check[], deps: RunDeps): Promise<readonly Finding[]> {
  let left = checks.length
  const findings = await Promise.all(checks.map(async (check) => {
    const found = await runCheck(check, deps.clock)
    deps.progress(check.name, --left)
    return found
  }))
  return findings.flat()
}

async function runCheck ({ name, run }: Check, clock: Clock): Promise<readonly Finding[]> {
  const { fail } = findingsFor(name)
  const { promise: late, resolve } = Promise.withResolvers<readonly Finding[]>()
  const stopTimer = clock.setTimer(CHECK_TIMEOUT_MS, () =>
    resolve([fail(`this was not done within ${CHECK_TIMEOUT_MS / 1_000} s`, 'Look at the network between here and there.')]))
  try {
    return await Promise.race([run(), late])
  } catch (error) {
    return [fail(`this could not be looked at: ${error instanceof Error ? error.message : String(error)}`, 'See to that first.')]
  } finally {
    stopTimer()
  }
}

type Work<Item, Result> = (item: Item) => Promise<Result>

/** At most `atOnce` of them run at the same time; the results are in the order of the items. */
export async function eachOf<Item, Result> (items: readonly Item[], atOnce: number, work: Work<Item, Result>): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  async function worker (): Promise<void> {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index] as Item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}
