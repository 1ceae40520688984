import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { CliError, EXIT_CODES } from './context.ts'
import { readInput } from './input-file.ts'
import { integerUpTo } from './numbers.ts'

/** A budget as the admin API takes it. */
interface Budget {
  readonly id: string
  readonly unit: string
  readonly period: string
  readonly amount: number
  readonly time_zone?: string
}

export interface LimitOptions {
  readonly name?: string
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
  readonly concurrentRequests?: number
  readonly budget?: readonly Budget[]
  readonly models?: readonly string[]
  readonly settings?: string
}

/** Settings as the admin API takes and shows them. */
export type Settings = Readonly<Record<string, unknown>>

const PER_MINUTE_MAX = 1_000_000_000
const CONCURRENT_MAX = 1_000_000

export function addLimitOptions (command: Command): Command {
  return command
    .option('--name <text>', 'a name for people')
    .option('--requests-per-minute <number>', 'requests that may come each minute', integerUpTo(PER_MINUTE_MAX))
    .option('--tokens-per-minute <number>', 'tokens that may be used each minute', integerUpTo(PER_MINUTE_MAX))
    .option('--concurrent-requests <number>', 'requests that may be under way at once', integerUpTo(CONCURRENT_MAX))
    .option('--budget <budget>', 'such as daily=5000000tokens/day@Asia/Shanghai or monthly=300CNY/month; may be repeated', collectBudgets)
    .option('--models <names>', 'the models that may be used, with commas between; * stands for any characters', commaSeparated)
    .option('--settings <file>', 'a JSON file of settings, or - for standard input; what other options say comes on top')
}

/**
 * The settings that the options name, on top of those of the file. Budgets are told apart by their ids: one that is named
 * takes the place of its like in the file, or else in `current`, and the others stay.
 * @throws CliError
 */
export async function settingsFrom (options: LimitOptions, current: Settings = {}): Promise<Record<string, unknown>> {
  const settings: Record<string, unknown> = options.settings === undefined ? {} : await readSettings(options.settings)
  const given = {
    name: options.name,
    requests_per_minute: options.requestsPerMinute,
    tokens_per_minute: options.tokensPerMinute,
    concurrent_requests: options.concurrentRequests,
    models: options.models,
    budgets: options.budget === undefined ? undefined : merged(settings['budgets'] ?? current['budgets'], options.budget)
  }
  for (const [member, value] of Object.entries(given)) if (value !== undefined) settings[member] = value
  return settings
}

function merged (before: unknown, named: readonly Budget[]): unknown[] {
  const isNamed = (budget: unknown): boolean => named.some(({ id }) => (budget as { id?: unknown } | null)?.id === id)
  return [...(Array.isArray(before) ? before.filter((budget) => !isNamed(budget)) : []), ...named]
}

async function readSettings (path: string): Promise<Record<string, unknown>> {
  const value = await parsed(path)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CliError(EXIT_CODES.misused, `${path} must hold a JSON object.`)
}

async function parsed (path: string): Promise<unknown> {
  const content = await readInput(path)
  try {
    return JSON.parse(content) as unknown
  } catch (cause) {
    throw new CliError(EXIT_CODES.misused, `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

const BUDGET = /^([a-z0-9][a-z0-9_-]*)=(\d+(?:\.\d+)?)(tokens|[A-Z]{3})\/(hour|day|week|month|year|total)(?:@(.+))?$/

function collectBudgets (text: string, before: readonly Budget[] = []): readonly Budget[] {
  const [, id, amount, unit, period, timeZone] = BUDGET.exec(text) ?? []
  if (id === undefined || unit === undefined || period === undefined) {
    throw new InvalidArgumentError('It must be <id>=<amount><tokens or currency>/<period>[@<time zone>]; a period is hour, day, week, month, year or total.')
  }
  return [...before, { id, unit, period, amount: Number(amount), ...(timeZone === undefined ? {} : { time_zone: timeZone }) }]
}

function commaSeparated (text: string): string[] {
  return text.split(',').map((name) => name.trim()).filter((name) => name !== '')
}
