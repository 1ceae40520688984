import { GatewayError } from '../core/errors.ts'
import { NO_COUNTS } from './rollups.ts'
import type { UsageCounts, UsageHour } from './rollups.ts'

/** What usage can be told apart by. */
export type UsageDimension = 'team' | 'key' | 'model' | 'currency'

/** A stretch of time that is shown as one, from its start up to its end. */
export interface UsageStep { readonly startMs: number, readonly endMs: number }

/** The sums of one step and group. Only the dimensions asked for are in the group; a model without a price has no currency. */
export interface UsageRow extends UsageStep {
  readonly group: Readonly<Partial<Record<UsageDimension, string | undefined>>>
  readonly counts: UsageCounts
}

export interface UsageReportOptions {
  /** Without `currency` among them no money is summed: amounts of two currencies have no sum. */
  readonly dimensions: readonly UsageDimension[]
  /** The step that an hour counts in, by its beginning. */
  readonly stepOf: (hourMs: number) => UsageStep
  readonly rowsMax: number
}

/** Sums hours, in whatever order and batches they come. It holds its rows and nothing else. */
export interface UsageReport {
  /** @throws GatewayError `invalid_request` where there are more rows than allowed, or a sum is no exact number any more */
  add (hour: UsageHour): void
  /** By time, then by group. A step in which a group did nothing has no row. */
  rows (): UsageRow[]
}

type Sums = { -readonly [Name in keyof UsageCounts]: UsageCounts[Name] extends number ? number : number[] }

interface Entry extends UsageStep { readonly values: readonly (string | undefined)[], readonly sums: Sums }

export function createUsageReport ({ dimensions, stepOf, rowsMax }: UsageReportOptions): UsageReport {
  const entries = new Map<string, Entry>()
  const countNames = COUNT_NAMES.filter((name) => name !== 'costNano' || dimensions.includes('currency'))

  function entryOf (hour: UsageHour): Entry {
    const { startMs, endMs } = stepOf(hour.hourMs)
    const values = dimensions.map((dimension) => VALUES[dimension](hour))
    const name = JSON.stringify([startMs, ...values])
    const known = entries.get(name)
    if (known !== undefined) return known
    if (entries.size >= rowsMax) throw tooManyRows(rowsMax)
    const entry = { startMs, endMs, values, sums: emptySums() }
    entries.set(name, entry)
    return entry
  }

  return {
    add (hour) {
      const { sums } = entryOf(hour)
      for (const name of countNames) sums[name] = exactSum(sums[name], hour.counts[name], name)
      for (const name of LATENCY_NAMES) addBuckets(sums[name], hour.counts[name], name)
    },
    rows: () => [...entries.values()].sort(inOrder).map(({ startMs, endMs, values, sums }) => {
      const group = Object.fromEntries(dimensions.map((dimension, index) => [dimension, values[index]]))
      return { startMs, endMs, group, counts: sums }
    })
  }
}

const VALUES: Readonly<Record<UsageDimension, (hour: UsageHour) => string | undefined>> = {
  team: ({ team }) => team,
  key: ({ keyId }) => keyId,
  model: ({ model }) => model,
  currency: ({ currency }) => currency
}

const COUNT_NAMES = [
  'requests', 'errors', 'estimated', 'inputTokens', 'cachedTokens', 'outputTokens', 'reasoningTokens', 'costNano', 'durationMs'
] as const
const LATENCY_NAMES = ['durations', 'firstContents'] as const

function emptySums (): Sums {
  return { ...NO_COUNTS, durations: [...NO_COUNTS.durations], firstContents: [...NO_COUNTS.firstContents] }
}

function addBuckets (sums: number[], counts: readonly number[], name: string): void {
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index] ?? 0
    if (count !== 0) sums[index] = exactSum(sums[index] ?? 0, count, name)
  }
}

/** A sum beyond 2⁵³ would be rounded without a word: of money that is nine million yuan in one row. */
function exactSum (one: number, other: number, name: string): number {
  const sum = one + other
  if (Number.isSafeInteger(sum)) return sum
  throw new GatewayError('invalid_request', `A sum of ${name} is beyond what can be told exactly (2^53). Ask for less time, or for smaller groups.`)
}

function tooManyRows (rowsMax: number): GatewayError {
  return new GatewayError('invalid_request', `The answer would have more than ${rowsMax} rows. Ask for less time, longer steps or fewer groups.`)
}

function inOrder (one: Entry, other: Entry): number {
  if (one.startMs !== other.startMs) return one.startMs - other.startMs
  for (const [index, value] of one.values.entries()) {
    const order = compared(value, other.values[index])
    if (order !== 0) return order
  }
  return 0
}

/** What has no name comes last. */
function compared (one: string | undefined, other: string | undefined): number {
  if (one === other) return 0
  if (one === undefined || other === undefined) return one === undefined ? 1 : -1
  return one < other ? -1 : 1
}
