import t from 'tap'
import type { Test } from 'tap'
import { ADMIN_TOKEN } from '../admin/admin-app.ts'
import { adminPlace } from './admin.ts'
import { buckets, createMemoryUsage, usageHour } from '../metering/usage-hours.ts'
import { createManualClock } from '../support/fixed.ts'
import { csvObjects } from '../support/csv.ts'
import { run } from './process.ts'

const HOURS = [
  usageHour('2026-11-24T17:00Z', { counts: { requests: 1_234, errors: 3, inputTokens: 12_400_000, outputTokens: 620_000, costNano: 28_520_000_000, durations: buckets({ 4: 1_234 }), firstContents: buckets({ 2: 1_234 }) } }),
  usageHour('2026-11-25T09:00Z', { keyId: 'k2', currency: 'USD' }),
  usageHour('2026-11-25T09:00Z', { keyId: 'k2', model: 'own', currency: undefined, counts: { costNano: 0 } })
]

async function place (t: Test) {
  const admin = await adminPlace(t, {}, { clock: createManualClock(Date.parse('2026-11-25T10:20:00Z')), usage: createMemoryUsage(HOURS) })
  await admin.deps.directory.createTeam('search', {}, undefined)
  await admin.deps.directory.createKey({ id: 'k1', team: 'search', digest: 'd', settings: { name: 'CI' } }, undefined)
  return { ...admin, dashgate: (...words: string[]) => admin.dashgate('usage', '--time-zone', 'Asia/Shanghai', ...words) }
}

t.test('what was used stands in a table, with what it is in all', async (t) => {
  const { dashgate } = await place(t)
  t.same(await dashgate('--group-by', 'key'), {
    code: 0,
    stderr: '',
    stdout: [
      'FROM              KEY  NAME  REQUESTS  ERRORS  INPUT TOKENS  OUTPUT TOKENS  ALL TOKENS     COST  CURRENCY  FIRST WORD P95 S  WHOLE P95 S',
      '2026-11-25 00:00  k1   CI       1,234       3    12,400,000        620,000  13,020,000  28.5200  CNY                   0.39         0.98',
      '2026-11-25 00:00  k2                1       0            10             20          30   0.0001  USD                      -            -',
      '2026-11-25 00:00  k2                1       0            10             20          30        -  -                        -            -',
      'in all                          1,234       3    12,400,000        620,000  13,020,000  28.5200  CNY                   0.39         0.98',
      'in all                              1       0            10             20          30   0.0001  USD                      -            -',
      'in all                              1       0            10             20          30        -  -                        -            -',
      '',
      'What was used from 2026-11-19 00:00 to 2026-11-25 19:00, Asia/Shanghai.',
      ''
    ].join('\n')
  })
  t.match((await dashgate('--from', '2026-11-01', '--to', '2026-11-02')).stdout, 'Nothing was used from 2026-11-01 00:00 to 2026-11-02 00:00, Asia/Shanghai.\n')
})

t.test('options narrow it down, and programs have it in their own forms', async (t) => {
  const { dashgate } = await place(t)
  const json = JSON.parse((await dashgate('--json', '--team', 'search', '--model', 'qwen-coder-turbo', '--key', 'k1', '--step', 'hour', '--group-by', 'team,model', '--from', '2026-11-25T00:00:00+08:00')).stdout)
  t.match(json, { time_zone: 'Asia/Shanghai', group_by: ['team', 'model'], data: [{ start: '2026-11-25T01:00:00+08:00', requests: 1_234 }] })
  // The harness reads lines, whatever their ends.
  const csv = await dashgate('--format', 'csv', '--group-by', 'key')
  t.match(csvObjects(csv.stdout.replaceAll('\n', '\r\n')), [{ key: 'k1', key_name: 'CI', cost: '28.52' }, { key: 'k2', currency: 'USD' }, { currency: '' }])
  const ndjson = await dashgate('--format', 'ndjson')
  t.match(ndjson.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line)), [{ currency: 'CNY' }, { currency: 'USD' }, { currency: null }])
})

t.test('what makes no sense ends with 2, whatever the form', async (t) => {
  const { dashgate } = await place(t)
  t.match(await dashgate('--step', 'week'), { code: 2, stderr: /Allowed choices are hour, day/ })
  t.match(await dashgate('--from', 'yesterday'), { code: 2, stderr: /^error: from must be a time with its offset/ })
  t.match(await dashgate('--from', 'yesterday', '--format', 'csv'), { code: 2, stdout: '', stderr: /^error: from must be a time/ })
  t.match(await dashgate('--group-by', 'status', '--json'), { code: 2, stdout: /^{"error":"group_by must be any of/ })
})

t.test('the zone is that of the machine unless it is named', async (t) => {
  const { url, folder } = await place(t)
  const { stdout } = await run(['usage', '--url', url, '--json'], { folder, environment: { DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN, TZ: 'America/New_York' } })
  t.equal(JSON.parse(stdout).from, '2026-11-19T00:00:00-05:00')
})

t.test('an answer that breaks off is not taken for all of it', async (t) => {
  const hours = createMemoryUsage(Array.from({ length: 240 }, (_, hour) => usageHour(Date.UTC(2026, 10, 15, hour))))
  const usage = {
    async * read (...asked: Parameters<typeof hours.read>) {
      if (hours.reads.length === 3) throw new Error('gone')
      yield * hours.read(...asked)
    }
  }
  const { dashgate, deps } = await adminPlace(t, {}, { clock: createManualClock(Date.UTC(2026, 10, 25)), usage })
  await deps.directory.createTeam('search', {}, undefined)
  const { code, stdout, stderr } = await dashgate('usage', '--format', 'csv', '--step', 'hour', '--from', '2026-11-15', '--time-zone', 'UTC')
  t.match(stderr, /^error: The answer of http:\/\/127\.0\.0\.1:\d+ broke off: what was printed is not all of it\.$/m)
  t.equal(code, 1)
  t.ok(stdout.split('\n').length < 240)
})
