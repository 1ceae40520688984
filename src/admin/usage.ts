import type { FastifyReply } from 'fastify'
import type { Static } from 'typebox'
import { countsBody, createUsageWording, usageColumns } from './usage-body.ts'
import { createUsageReport } from '../metering/usage-report.ts'
import { createLocalTime } from '../accounts/times.ts'
import { readUsage, stepFinder, usageRows, wholeOf } from '../metering/usage-reading.ts'
import { exportTo } from './export.ts'
import { listOf, teamsFor } from './reach.ts'
import { usageAsked } from './usage-query.ts'
import type { Actor } from '../accounts/actor.ts'
import type { ReportDeps } from './deps.ts'
import type { UsageAsked, UsageQuerySchema } from './usage-query.ts'
import type { UsageDimension } from '../metering/usage-report.ts'
import type { UsageQuestion } from '../metering/usage-reading.ts'

/** Of an answer in JSON, which is made whole before it is sent. */
const ROWS_MAX = 10_000

interface UsageRequest { readonly query: Static<typeof UsageQuerySchema>, readonly actor: Actor, readonly reply: FastifyReply }

/** What was used, by steps of time and by team, key and model. @throws GatewayError */
export async function answerUsage ({ query, actor, reply }: UsageRequest, deps: ReportDeps): Promise<object> {
  const { team, key, model } = query
  const asked = usageAsked(query, deps.clock.nowMs())
  const dimensions: readonly UsageDimension[] = [...asked.groups, 'currency']
  const question: UsageQuestion = {
    teams: teamsFor(actor, { teams: listOf(team), keys: listOf(key) }, deps.directory),
    keys: listOf(key),
    models: listOf(model),
    steps: asked.steps,
    dimensions
  }
  const bodyOf = createUsageWording(asked.timeZone, deps.directory)
  if (asked.format === 'json') return await wholeAnswer(question, asked, { deps, bodyOf })
  return await exportTo(reply, {
    format: asked.format,
    name: 'dashgate-usage',
    parts: worded(question, { deps, bodyOf }),
    columns: usageColumns(asked.groups),
    cells: (row) => row,
    failed: deps.failed
  })
}

interface Making { readonly deps: ReportDeps, readonly bodyOf: ReturnType<typeof createUsageWording> }

async function * worded (question: UsageQuestion, { deps, bodyOf }: Making): AsyncGenerator<ReturnType<Making['bodyOf']>[], void, undefined> {
  for await (const rows of usageRows(deps.usage, question)) yield rows.map(bodyOf)
}

async function wholeAnswer (question: UsageQuestion, asked: UsageAsked, { deps, bodyOf }: Making): Promise<object> {
  const { steps, timeZone, groups } = asked
  const whole = wholeOf(steps)
  const localTime = createLocalTime(timeZone)
  const rows = createUsageReport({ dimensions: question.dimensions, stepOf: stepFinder(steps), rowsMax: ROWS_MAX })
  const totals = createUsageReport({ dimensions: ['currency'], stepOf: () => whole, rowsMax: ROWS_MAX })
  await readUsage(deps.usage, whole, question, [rows, totals])
  return {
    from: localTime(whole.startMs),
    to: localTime(whole.endMs),
    time_zone: timeZone,
    group_by: groups,
    data: rows.rows().map(bodyOf),
    totals: totals.rows().map(({ counts, group }) => countsBody(counts, group.currency))
  }
}
