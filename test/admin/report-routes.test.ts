import t from 'tap'
import { Value } from 'typebox/value'
import { ADMIN_TOKEN, adminApp } from './admin-app.ts'
import { buckets, createMemoryUsage, usageHour } from '../metering/usage-hours.ts'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryLog } from '../metering/memory-log.ts'
import { DAILY } from '../support/limit-report.ts'
import { REPORT_ROUTES } from '../../src/admin/report-routes.ts'

t.test('answers are what their descriptions say, and nothing more', async (t) => {
  const log = createMemoryLog()
  log.charge({ limits: [DAILY], errorKind: 'upstream_failed', upstreamRequestId: undefined, currency: undefined, firstContentMs: undefined })
  log.charge({ attempt: 2 })
  log.refuse({ limits: [DAILY] })
  const usage = createMemoryUsage([usageHour('2026-11-25T09:00Z', { counts: { durations: buckets({ 4: 1 }) } }), usageHour('2026-11-25T09:00Z', { currency: undefined })])
  const { app, deps } = await adminApp(t, { clock: createManualClock(Date.UTC(2026, 10, 25, 12)), usage, ledger: log.ledger, refusals: log.refusals })
  await deps.directory.createTeam('search', { name: 'Search' }, undefined)
  const start = Date.UTC(2026, 10, 25) / 1_000
  const asked: Readonly<Record<string, readonly string[]>> = {
    '/admin/v1/usage': ['', '?group_by=team,key,model&step=hour&time_zone=Asia/Shanghai'],
    '/admin/v1/requests': ['', '?limit=1'],
    '/admin/v1/requests/:id': ['r1', 'f1'],
    '/v1/organization/usage/completions': [`?start_time=${start}`, `?start_time=${start - 86_400}&limit=1&group_by[]=model&group_by[]=project_id&group_by[]=api_key_id`],
    '/v1/organization/costs': [`?start_time=${start}`, `?start_time=${start}&group_by[]=line_item&group_by[]=project_id&group_by[]=api_key_id`]
  }
  for (const { path, reply, exports = [] } of REPORT_ROUTES) {
    for (const end of asked[path] ?? []) {
      const response = await app.inject({ url: path.replace(':id', '') + end, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
      t.equal(response.statusCode, 200, path + end)
      t.same(reply === null ? [] : [...Value.Errors(reply, response.json())], [], path + end)
      if (end !== '') continue
      const types = await Promise.all(['csv', 'ndjson'].map(async (format) => (await app.inject({ url: `${path}?format=${format}`, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).headers['content-type']))
      t.same(types.map((type) => String(type).replace(/;.*/, '')), exports, 'and what it can be had in beside JSON')
    }
  }
  t.same(Object.keys(asked), REPORT_ROUTES.map(({ path }) => path))
})
