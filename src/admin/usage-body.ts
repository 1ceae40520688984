import { decimalOfNano } from '../core/money.ts'
import { createLocalTime } from '../accounts/times.ts'
import { percentileMs } from '../metering/percentile.ts'
import type { CsvCell } from '../metering/csv.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Group } from './usage-query.ts'
import type { UsageCounts } from '../metering/rollups.ts'
import type { UsageRow } from '../metering/usage-report.ts'

export type UsageRowBody = Readonly<Record<string, CsvCell>>

/** The columns of a table of usage. */
export function usageColumns (groups: readonly Group[]): string[] {
  return ['start', 'end', ...groups.flatMap((group) => GROUP_COLUMNS[group]), ...COUNT_COLUMNS]
}

const GROUP_COLUMNS: Readonly<Record<Group, readonly string[]>> = { team: ['team', 'team_name'], key: ['key', 'key_name'], model: ['model'] }

const COUNT_COLUMNS = [
  'currency', 'requests', 'errors', 'estimated', 'input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens', 'total_tokens', 'cost_nano',
  'cost', 'duration_ms_p50', 'duration_ms_p95', 'first_content_ms_p50', 'first_content_ms_p95'
]

/** Words rows, in the order of time. */
export function createUsageWording (timeZone: string, directory: Pick<Directory, 'team' | 'key'>): (row: UsageRow) => UsageRowBody {
  const [startOf, endOf] = [createLocalTime(timeZone), createLocalTime(timeZone)]
  return ({ startMs, endMs, group: { team, key, model, currency }, counts }) => ({
    start: startOf(startMs),
    end: endOf(endMs),
    ...(team === undefined ? {} : { team, team_name: directory.team(team)?.settings.name ?? null }),
    ...(key === undefined ? {} : { key, key_name: directory.key(key)?.settings.name ?? null }),
    ...(model === undefined ? {} : { model }),
    ...countsBody(counts, currency)
  })
}

/** Sums of one currency; null for what was done by models without a price. */
export function countsBody (counts: UsageCounts, currency: string | undefined): UsageRowBody {
  const { durations, firstContents } = counts
  const percentile = (buckets: readonly number[], share: number): number | null => percentileMs(buckets, share) ?? null
  return {
    currency: currency ?? null,
    requests: counts.requests,
    errors: counts.errors,
    estimated: counts.estimated,
    input_tokens: counts.inputTokens,
    cached_tokens: counts.cachedTokens,
    output_tokens: counts.outputTokens,
    reasoning_tokens: counts.reasoningTokens,
    total_tokens: counts.inputTokens + counts.outputTokens,
    cost_nano: counts.costNano,
    cost: currency === undefined ? null : decimalOfNano(counts.costNano),
    duration_ms_p50: percentile(durations, 0.5),
    duration_ms_p95: percentile(durations, 0.95),
    first_content_ms_p50: percentile(firstContents, 0.5),
    first_content_ms_p95: percentile(firstContents, 0.95)
  }
}
