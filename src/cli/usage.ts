import { Command, Option } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { printJson, printLine } from './context.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'

interface UsageOptions extends AdminOptions {
  readonly team?: string
  readonly key?: string
  readonly model?: string
  readonly from?: string
  readonly to?: string
  readonly step?: string
  readonly groupBy?: string
  readonly timeZone: string
  readonly format: 'table' | 'csv' | 'ndjson'
}

interface Counts {
  readonly currency: string | null
  readonly requests: number
  readonly errors: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly total_tokens: number
  readonly cost: string | null
  readonly first_content_ms_p95: number | null
  readonly duration_ms_p95: number | null
}

interface ShownRow extends Counts {
  readonly start: string
  readonly team?: string
  readonly key?: string
  readonly key_name?: string | null
  readonly model?: string
}

interface ShownUsage {
  readonly from: string
  readonly to: string
  readonly time_zone: string
  readonly group_by: readonly ('team' | 'key' | 'model')[]
  readonly data: readonly ShownRow[]
  readonly totals: readonly Counts[]
}

/** `usage`: who used how much of what, and when. */
export function usageCommand (context: CliContext): Command {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return addAdminOptions(new Command('usage'))
    .description('Tells what was used: requests, tokens, money and times, by day or hour.')
    .option('--team <id>', 'only of this team')
    .option('--key <id>', 'only of this key')
    .option('--model <name>', 'only of this model')
    .option('--from <time>', 'a day such as 2026-11-25, or a time with its offset (default: six days before today)')
    .option('--to <time>', 'likewise, itself not included (default: now)')
    .addOption(new Option('--step <step>', 'how much is one line (default: day)').choices(['hour', 'day']))
    .option('--group-by <names>', 'any of team, key and model, with commas between')
    .addOption(new Option('--time-zone <name>', 'whose days and hours are meant').default(timeZone, 'that of this machine'))
    .addOption(new Option('--format <format>', 'table for people, csv or ndjson for programs').choices(['table', 'csv', 'ndjson']).default('table'))
    .action((options: UsageOptions) => showUsage(options, context))
}

async function showUsage (options: UsageOptions, context: CliContext): Promise<void> {
  const { stdout } = context
  const client = createAdminClient(options, context)
  const isExport = options.json !== true && options.format !== 'table'
  const path = `/usage?${queryOf(options, isExport)}`
  if (isExport) {
    await client.download(path, stdout)
    return
  }
  const usage = await client.call<ShownUsage>('GET', path)
  if (options.json === true) printJson(stdout, usage)
  else printLine(stdout, usage.data.length === 0 ? `Nothing was used ${timeText(usage)}.` : usageText(usage))
}

function queryOf (options: UsageOptions, isExport: boolean): URLSearchParams {
  const { team, key, model, from, to, step, groupBy, timeZone, format } = options
  const query = new URLSearchParams({ time_zone: timeZone, ...(isExport ? { format } : {}) })
  for (const [name, value] of Object.entries({ team, key, model, from, to, step, group_by: groupBy })) {
    if (value !== undefined) query.set(name, value)
  }
  return query
}

const HEADINGS = { team: ['TEAM'], key: ['KEY', 'NAME'], model: ['MODEL'] }
const COUNT_HEADINGS = ['REQUESTS', 'ERRORS', 'INPUT TOKENS', 'OUTPUT TOKENS', 'ALL TOKENS', 'COST', 'CURRENCY', 'FIRST WORD P95 S', 'WHOLE P95 S']

function usageText (usage: ShownUsage): string {
  const { group_by: groups, data, totals } = usage
  const headings = ['FROM', ...groups.flatMap((group) => HEADINGS[group]), ...COUNT_HEADINGS]
  const rows = data.map((row) => [startText(row.start), ...groups.flatMap((group) => groupCells(group, row)), ...countCells(row)])
  const sums = totals.map((total) => ['in all', ...groups.flatMap((group) => HEADINGS[group].map(() => '')), ...countCells(total)])
  return `${tableText(headings, [...rows, ...sums])}\n\nWhat was used ${timeText(usage)}.`
}

function groupCells (group: keyof typeof HEADINGS, { team = '', key = '', key_name: name, model = '' }: ShownRow): string[] {
  if (group === 'key') return [key, name ?? '']
  return [group === 'team' ? team : model]
}

/** What has no price costs nothing that could be told. */
function countCells (counts: Counts): string[] {
  const { requests, errors, input_tokens: input, output_tokens: output, total_tokens: total } = counts
  return [
    ...[requests, errors, input, output, total].map((count) => count.toLocaleString('en-US')),
    counts.cost === null ? '-' : costText(counts.cost),
    counts.currency ?? '-',
    secondsText(counts.first_content_ms_p95),
    secondsText(counts.duration_ms_p95)
  ]
}

const MONEY_DIGITS = { minimumFractionDigits: 4, maximumFractionDigits: 4 }

/** As bills have it, and two digits more: one request may cost less than a cent. */
function costText (cost: string): string {
  return Number(cost).toLocaleString('en-US', MONEY_DIGITS)
}

function secondsText (ms: number | null): string {
  return ms === null ? '-' : (ms / 1_000).toFixed(2)
}

/** To the minute; the zone is told once. */
function startText (start: string): string {
  return start.slice(0, 16).replace('T', ' ')
}

function timeText ({ from, to, time_zone: timeZone }: ShownUsage): string {
  return `from ${startText(from)} to ${startText(to)}, ${timeZone}`
}
