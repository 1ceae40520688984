import { COMPLETIONS, COSTS, organizationAsked } from './organization-query.ts'
import { createUsageReport } from '../metering/usage-report.ts'
import { decimalOfNano } from '../core/money.ts'
import { rawNumber } from '../core/json.ts'
import { readUsage, stepFinder, wholeOf } from '../metering/usage-reading.ts'
import { teamsFor } from './reach.ts'
import type { Actor } from '../accounts/actor.ts'
import type { ReportDeps } from './deps.ts'
import type { OrganizationAsked } from './organization-query.ts'
import type { UsageDimension, UsageRow } from '../metering/usage-report.ts'

// OpenAI's own packages read these. Their projects are our teams.

const ROWS_MAX = 10_000

interface OrganizationRequest { readonly query: unknown, readonly actor: Actor }

/** `client.admin.organization.usage.completions(…)`. @throws GatewayError */
export async function answerCompletions ({ query, actor }: OrganizationRequest, deps: ReportDeps): Promise<object> {
  const asked = organizationAsked(query, COMPLETIONS, deps.clock.nowMs())
  const dimensions = asked.groups.map(([, dimension]) => dimension)
  return pageOf(asked, await rowsOf(asked, { actor, dimensions, models: asked.query.models }, deps), completionsResult)
}

function completionsResult ({ counts, group }: UsageRow): object {
  return {
    object: 'organization.usage.completions.result',
    input_tokens: counts.inputTokens,
    input_cached_tokens: counts.cachedTokens,
    input_uncached_tokens: counts.inputTokens - counts.cachedTokens,
    output_tokens: counts.outputTokens,
    num_model_requests: counts.requests,
    project_id: group.team ?? null,
    user_id: null,
    api_key_id: group.key ?? null,
    model: group.model ?? null,
    batch: null,
    service_tier: null
  }
}

/** `client.admin.organization.usage.costs(…)`: a result for each currency. @throws GatewayError */
export async function answerCosts ({ query, actor }: OrganizationRequest, deps: ReportDeps): Promise<object> {
  const asked = organizationAsked(query, COSTS, deps.clock.nowMs())
  const dimensions: UsageDimension[] = [...asked.groups.map(([, dimension]) => dimension), 'currency']
  const rows = await rowsOf(asked, { actor, dimensions, models: asked.query.line_items }, deps)
  return pageOf(asked, rows.filter(({ group }) => group.currency !== undefined), costsResult)
}

/** The amount has all its decimals, as many as they are. */
function costsResult ({ counts, group }: UsageRow): object {
  return {
    object: 'organization.costs.result',
    amount: { value: rawNumber(decimalOfNano(counts.costNano)), currency: group.currency?.toLowerCase() },
    line_item: group.model ?? null,
    project_id: group.team ?? null,
    api_key_id: group.key ?? null,
    user_id: null,
    quantity: null
  }
}

interface Reading {
  readonly actor: Actor
  readonly dimensions: readonly UsageDimension[]
  readonly models: readonly string[] | undefined
}

async function rowsOf ({ query, steps }: OrganizationAsked, reading: Reading, deps: ReportDeps): Promise<UsageRow[]> {
  const { usage, directory } = deps
  const { actor, dimensions, models } = reading
  const report = createUsageReport({ dimensions, stepOf: stepFinder(steps), rowsMax: ROWS_MAX })
  const { project_ids: projects, api_key_ids: keys, batch } = query
  const teams = teamsFor(actor, { teams: projects, keys }, directory)
  if (batch !== 'true') await readUsage(usage, wholeOf(steps), { teams, keys, models }, [report])
  return report.rows()
}

/** Here a bucket in which nothing was done is there too, and empty. */
function pageOf ({ steps, nextPage }: OrganizationAsked, rows: readonly UsageRow[], resultOf: (row: UsageRow) => object): object {
  const results = Map.groupBy(rows, ({ startMs }) => startMs)
  return {
    object: 'page',
    data: steps.map(({ startMs, endMs }) => ({
      object: 'bucket', start_time: startMs / 1_000, end_time: endMs / 1_000, results: (results.get(startMs) ?? []).map(resultOf)
    })),
    has_more: nextPage !== null,
    next_page: nextPage
  }
}
