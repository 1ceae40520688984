import { createUsageReport } from './usage-report.ts'
import type { UsageDimension, UsageReport, UsageRow, UsageStep } from './usage-report.ts'
import type { UsageHour, UsageReader } from './rollups.ts'

/** Which hours are asked for. */
export interface UsageSelection {
  readonly teams: readonly string[]
  /** Only of these; undefined for all. */
  readonly keys?: readonly string[] | undefined
  readonly models?: readonly string[] | undefined
}

export interface UsageQuestion extends UsageSelection {
  readonly dimensions: readonly UsageDimension[]
  /** One after the other, in the order of time and without gaps. */
  readonly steps: readonly UsageStep[]
}

/** Gives every hour selected to every one of the reports, one team after the other. */
export async function readUsage (
  reader: UsageReader, time: UsageStep, { teams, keys, models }: UsageSelection, reports: readonly UsageReport[]
): Promise<void> {
  const isSelected = ({ keyId, model }: UsageHour): boolean => {
    return keys?.includes(keyId) !== false && models?.includes(model) !== false
  }
  for (const team of teams) {
    for await (const hours of reader.read(team, time.startMs, time.endMs)) {
      const selected = hours.filter(isSelected)
      for (const report of reports) selected.forEach(report.add)
    }
  }
}

/** Steps that are summed at a time where rows are written as they come. */
const STEPS_AT_ONCE = 24
/** What is in memory at a time: some 60 MB. */
const ROWS_AT_ONCE_MAX = 100_000

/** All rows by time, a part of the steps after the other: however many there are, only those of one part are in memory. */
export async function * usageRows (reader: UsageReader, question: UsageQuestion): AsyncGenerator<UsageRow[], void, undefined> {
  const { steps, dimensions } = question
  for (let first = 0; first < steps.length; first += STEPS_AT_ONCE) {
    const part = steps.slice(first, first + STEPS_AT_ONCE)
    const report = createUsageReport({ dimensions, stepOf: stepFinder(part), rowsMax: ROWS_AT_ONCE_MAX })
    await readUsage(reader, wholeOf(part), question, [report])
    yield report.rows()
  }
}

/** From the first one's start to the last one's end. */
export function wholeOf (steps: readonly UsageStep[]): UsageStep {
  return { startMs: steps[0]?.startMs ?? 0, endMs: steps.at(-1)?.endMs ?? 0 }
}

/** Finds the one of `steps` that contains a time. */
export function stepFinder (steps: readonly UsageStep[]): (atMs: number) => UsageStep {
  return (atMs) => {
    let [from, to] = [0, steps.length]
    while (to - from > 1) {
      const middle = (from + to) >>> 1
      if ((steps[middle]?.startMs ?? Infinity) <= atMs) from = middle
      else to = middle
    }
    const step = steps[from]
    if (step !== undefined && step.startMs <= atMs && atMs < step.endMs) return step
    throw new RangeError(`${atMs} is in none of the steps`)
  }
}
