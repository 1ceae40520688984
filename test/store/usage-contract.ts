import { isNothing, NO_COUNTS, plus, rollupOf } from '../../src/metering/rollups.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { UsageHour, UsageReader } from '../../src/metering/rollups.ts'

/** The hours that records come to, without those that come to nothing. */
export function sumUp (records: readonly LedgerRecord[]): UsageHour[] {
  const hours = new Map<string, UsageHour>()
  for (const hour of records.map(rollupOf)) {
    const { counts } = hours.get(nameOf(hour)) ?? { counts: NO_COUNTS }
    hours.set(nameOf(hour), { ...hour, counts: plus(counts, hour.counts) })
  }
  return inOrder([...hours.values()].filter(({ counts }) => !isNothing(counts)))
}

function nameOf ({ hourMs, keyId, model, currency }: UsageHour): string {
  return JSON.stringify([hourMs, keyId, model, currency])
}

/** In an order that says nothing of the store's. */
export function inOrder (hours: readonly UsageHour[]): UsageHour[] {
  return hours.toSorted((one, other) => nameOf(one) < nameOf(other) ? -1 : 1)
}

/** Everything that a reader gives, as it comes. */
export async function readAll (usage: UsageReader, team: string, [fromMs, toMs]: readonly [fromMs: number, toMs: number]): Promise<UsageHour[]> {
  const hours: UsageHour[] = []
  for await (const batch of usage.read(team, fromMs, toMs)) hours.push(...batch)
  return hours
}
