import { hoursInOrder } from './dump.ts'
import { plain } from './subject.ts'
import { LATENCY_BOUNDS_MS } from '../../../src/metering/rollups.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

const HOUR_MS = 3_600_000

/** The sums that a ledger comes to, hour by hour, counted anew from its records. */
export function usageOf (records: readonly LedgerRecord[]): UsageHour[] {
  const groups = new Map<string, LedgerRecord[]>()
  for (const record of records) {
    const { timeMs, keyId, model, currency } = record
    const name = JSON.stringify([timeMs - timeMs % HOUR_MS, keyId, model, currency ?? null])
    groups.set(name, [...groups.get(name) ?? [], record])
  }
  return hoursInOrder([...groups.values()].flatMap(hourOf))
}

function hourOf (records: readonly LedgerRecord[]): UsageHour[] {
  const [first] = records
  if (first === undefined) return []
  const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0)
  const counted = records.filter(({ superseded }) => !superseded)
  const timed = counted.filter(({ outcome }) => outcome !== 'expired')
  const firstContents = timed.flatMap(({ firstContentMs }) => firstContentMs ?? [])
  const counts = {
    requests: counted.length,
    errors: counted.filter(({ outcome }) => outcome !== 'completed' && outcome !== 'client_closed').length,
    estimated: records.filter(({ usage }) => usage.source === 'estimated' && usage.inputTokens + usage.outputTokens !== 0).length,
    inputTokens: sum(records.map(({ usage }) => usage.inputTokens)),
    cachedTokens: sum(records.map(({ usage }) => usage.cachedInputTokens)),
    outputTokens: sum(records.map(({ usage }) => usage.outputTokens)),
    reasoningTokens: sum(records.map(({ usage }) => usage.reasoningTokens)),
    costNano: sum(records.map(({ costNano }) => costNano)),
    durationMs: sum(timed.map(({ durationMs }) => durationMs)),
    durations: buckets(timed.map(({ durationMs }) => durationMs)),
    firstContents: buckets(firstContents)
  }
  const isNothing = Object.values(counts).flat().every((count) => count === 0)
  const { team, timeMs, keyId, model, currency } = first
  return isNothing ? [] : [plain({ team, hourMs: timeMs - timeMs % HOUR_MS, keyId, model, currency, counts })]
}

function buckets (latenciesMs: readonly number[]): number[] {
  const upTo = [...LATENCY_BOUNDS_MS.map((bound) => latenciesMs.filter((latencyMs) => latencyMs <= bound).length), latenciesMs.length]
  return upTo.map((count, index) => count - (upTo[index - 1] ?? 0))
}
