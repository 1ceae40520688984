import { LATENCY_BOUNDS_MS } from '../../../src/metering/rollups.ts'
import { matchesModel } from '../../../src/accounts/model-patterns.ts'
import { priceOf } from './scene.ts'
import type { Books, ShownCount } from './books.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { LimitReport } from '../../../src/metering/limit-report.ts'
import type { LimitSettings } from '../../../src/accounts/limit-settings.ts'
import type { TeamScene } from './scene.ts'
import type { Tokens } from '../../support/fleet/chat.ts'

export function tokensOf ({ inputTokens, outputTokens }: Tokens): number {
  return inputTokens + outputTokens
}

export interface Sums {
  readonly team: string
  readonly tokens: Readonly<Record<'ledger' | 'rollups', number>>
  readonly costNano: Readonly<Record<'ledger' | 'rollups', number>>
  readonly requests: Readonly<Record<'ledger' | 'rollups', number>>
  /** Every budget, with what is spent of it and what the ledger says. */
  readonly budgets: readonly { readonly budget: string, readonly spent: number, readonly ledger: number }[]
}

/** Σ ledger = Σ rollups, in every field of every hour, = what is spent of each budget; and nothing is held. */
export function auditSums (team: TeamScene, books: Books, faults: string[]): Sums {
  const { records, hours } = books
  compareHours(books, faults)
  compareShown(books, faults)
  for (const record of records) {
    const cost = priceOf(record.usage, record.model)
    if (record.costNano !== cost || record.currency !== 'CNY') faults.push(`${record.requestId} costs ${record.costNano} ${record.currency} and not ${cost}`)
  }
  const counting = records.filter(({ superseded }) => !superseded)
  return {
    team: books.team,
    tokens: { ledger: sum(records.map(({ usage }) => tokensOf(usage))), rollups: sum(hours.map(({ counts }) => tokensOf(counts))) },
    costNano: { ledger: sum(records.map(({ costNano }) => costNano)), rollups: sum(hours.map(({ counts }) => counts.costNano)) },
    requests: { ledger: counting.length, rollups: sum(hours.map(({ counts }) => counts.requests)) },
    budgets: compareBudgets(team, books, faults)
  }
}

type Row = Record<string, number>

function compareHours ({ team, records, hours }: Books, faults: string[]): void {
  const expected = new Map<string, Row>()
  for (const record of records) {
    const name = `${team} ${hourOf(record.timeMs)} ${record.keyId} ${record.model} ${record.currency}`
    const row = expected.get(name) ?? {}
    expected.set(name, row)
    for (const [field, amount] of Object.entries(rowOf(record))) row[field] = (row[field] ?? 0) + amount
  }
  for (const { hourMs, keyId, model, currency, counts: { durations, firstContents, ...counts }, ...hour } of hours) {
    const name = `${hour.team} ${hourMs} ${keyId} ${model} ${currency}`
    const row: Row = { ...counts, ...buckets('durations', durations), ...buckets('firstContents', firstContents) }
    const sums = expected.get(name) ?? {}
    for (const field of new Set([...Object.keys(row), ...Object.keys(sums)])) {
      if (row[field] !== (sums[field] ?? 0)) faults.push(`the hour ${name} has ${row[field]} ${field}, and the ledger ${sums[field] ?? 0}`)
    }
    if (!expected.delete(name)) faults.push(`the hour ${name} is there twice, or for no record`)
  }
  for (const [name, row] of expected) if (Object.values(row).some((amount) => amount !== 0)) faults.push(`the hour ${name} is missing`)
}

/** What the admin API shows, by the members of a record's row. */
const SHOWN: Readonly<Record<ShownCount, string>> = {
  requests: 'requests',
  errors: 'errors',
  estimated: 'estimated',
  input_tokens: 'inputTokens',
  cached_tokens: 'cachedTokens',
  output_tokens: 'outputTokens',
  reasoning_tokens: 'reasoningTokens',
  cost_nano: 'costNano'
}

function compareShown ({ team, records, shown }: Books, faults: string[]): void {
  const rows = Map.groupBy(records, ({ keyId, model }) => `${keyId} ${model}`)
  for (const row of shown) {
    const name = `${row.key} ${row.model}`
    const covered = (rows.get(name) ?? []).map(rowOf)
    for (const [count, field] of Object.entries(SHOWN) as [ShownCount, string][]) {
      const ledger = sum(covered.map((one) => one[field] ?? 0))
      if (row[count] !== ledger) faults.push(`the API shows ${row[count]} ${count} of ${team} ${name}, and the ledger has ${ledger}`)
    }
    if (!rows.delete(name)) faults.push(`the API shows ${team} ${name} twice, or for no record`)
  }
  for (const name of rows.keys()) faults.push(`the API does not show ${team} ${name}`)
}

const HOUR_MS = 3_600_000

function hourOf (timeMs: number): number {
  return timeMs - timeMs % HOUR_MS
}

/** What one record adds to its hour: worked out here, and not by the gateway's own code. */
function rowOf ({ superseded, outcome, usage, costNano, durationMs, firstContentMs }: LedgerRecord): Row {
  const isTimed = !superseded && outcome !== 'expired'
  return {
    requests: superseded ? 0 : 1,
    errors: !superseded && ['failed', 'cut', 'expired'].includes(outcome) ? 1 : 0,
    estimated: usage.source === 'estimated' && tokensOf(usage) > 0 ? 1 : 0,
    inputTokens: usage.inputTokens,
    cachedTokens: usage.cachedInputTokens,
    outputTokens: usage.outputTokens,
    reasoningTokens: usage.reasoningTokens,
    costNano,
    durationMs: isTimed ? durationMs : 0,
    ...isTimed && { [`durations ${bucketOf(durationMs)}`]: 1 },
    ...isTimed && firstContentMs !== undefined && { [`firstContents ${bucketOf(firstContentMs)}`]: 1 }
  }
}

function bucketOf (latencyMs: number): number {
  return LATENCY_BOUNDS_MS.filter((bound) => bound < latencyMs).length
}

function buckets (name: string, counts: readonly number[]): Row {
  return Object.fromEntries(counts.map((count, bucket) => [`${name} ${bucket}`, count]))
}

function compareBudgets ({ settings, keySettings }: TeamScene, { team, records, limits }: Books, faults: string[]): Sums['budgets'] {
  const compared = new Map<string, Sums['budgets'][number]>()
  for (const { keyId, reports } of limits) {
    for (const report of reports) {
      const isOfTeam = report.scope === 'team' || report.scope === 'team_model'
      const name = `${team}${isOfTeam ? '' : ` key ${keyId}`}: ${report.perModelId ?? 'all'} ${report.id}`
      if (report.kind === 'concurrency' && report.used !== 0) faults.push(`${name}: ${report.used} places are still taken`)
      if (report.kind !== 'budget') continue
      const models = modelsOf(report, isOfTeam ? settings : keySettings)
      const covered = records.filter((record) => (isOfTeam || record.keyId === keyId) && models.every((patterns) => matchesModel(patterns, record.model)))
      const ledger = sum(covered.map(({ usage, costNano }) => report.unit === 'tokens' ? tokensOf(usage) : costNano))
      if (report.held !== 0) faults.push(`${name}: ${report.held} are still held`)
      if (report.used !== ledger) faults.push(`${name}: ${report.used} are spent, and the ledger has ${ledger}`)
      if (report.used > report.amount) faults.push(`${name}: ${report.used} of ${report.amount} are spent`)
      compared.set(name, { budget: name, spent: report.used, ledger })
    }
  }
  return [...compared.values()]
}

/** For which models a budget is: the entry of per_model that it stands in, and its own list, narrow it. */
function modelsOf ({ perModelId, id }: LimitReport, settings: LimitSettings): readonly (readonly string[] | undefined)[] {
  const entry = settings.per_model?.find((one) => one.id === perModelId)
  return [entry?.models, (entry ?? settings).budgets?.find((budget) => budget.id === id)?.models]
}

export function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
