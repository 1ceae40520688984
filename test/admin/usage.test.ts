import t from 'tap'
import type { Test } from 'tap'
import { adminApp } from './admin-app.ts'
import { buckets, createMemoryUsage, HOUR_MS, usageHour } from '../metering/usage-hours.ts'
import { createManualClock } from '../support/fixed.ts'
import { csvObjects } from '../support/csv.ts'
import { readers } from './readers.ts'
import type { AdminApp } from './admin-app.ts'
import type { MemoryUsage } from '../metering/usage-hours.ts'
import type { UsageHour } from '../../src/metering/rollups.ts'

const NOW = '2026-11-25T10:20:00Z'

interface UsagePlace extends AdminApp {
  readonly usage: MemoryUsage
  get (query: string, reader?: string): Promise<any>
  text (query: string): Promise<{ status: number, headers: Readonly<Record<string, unknown>>, body: string }>
}

async function usagePlace (t: Test, hours: readonly UsageHour[]): Promise<UsagePlace> {
  const usage = createMemoryUsage(hours)
  const admin = await adminApp(t, { clock: createManualClock(Date.parse(NOW)), usage, identify: readers })
  const place = {
    ...admin,
    usage,
    async text (query: string) {
      const response = await admin.app.inject({ url: `/admin/v1/usage?${query}`, headers: { authorization: 'Bearer admin' } })
      return { status: response.statusCode, headers: response.headers, body: response.body }
    },
    async get (query: string, reader = 'admin') {
      return await admin.call('GET', `/usage?${query}`, undefined, { authorization: `Bearer ${reader}` })
    }
  }
  await admin.deps.directory.createTeam('search', { name: '搜索, "Search"' }, undefined)
  await admin.deps.directory.createTeam('ads', {}, undefined)
  await admin.deps.directory.createKey({ id: 'k1', team: 'search', digest: 'd1', settings: { name: '=HYPERLINK("http://evil")' } }, undefined)
  return place
}

t.test('what was used in a week, by days, with totals', async (t) => {
  const { get, usage } = await usagePlace(t, [
    usageHour('2026-11-18T23:00Z'),
    usageHour('2026-11-19T00:00Z'),
    usageHour('2026-11-25T09:00Z', { counts: { cachedTokens: 4, reasoningTokens: 2, durations: buckets({ 4: 1 }), firstContents: buckets({ 2: 1 }) } }),
    usageHour('2026-11-25T10:00Z', { team: 'ads', counts: { errors: 1, estimated: 1 } })
  ])
  const counts = {
    currency: 'CNY',
    requests: 1,
    errors: 0,
    estimated: 0,
    input_tokens: 10,
    cached_tokens: 0,
    output_tokens: 20,
    reasoning_tokens: 0,
    total_tokens: 30,
    cost_nano: 140_000,
    cost: '0.00014',
    duration_ms_p50: null,
    duration_ms_p95: null,
    first_content_ms_p50: null,
    first_content_ms_p95: null
  }
  const timed = { cached_tokens: 4, reasoning_tokens: 2, errors: 1, estimated: 1, duration_ms_p50: 850, duration_ms_p95: 985, first_content_ms_p50: 300, first_content_ms_p95: 390 }
  t.strictSame((await get('')).json, {
    from: '2026-11-19T00:00:00+00:00',
    to: '2026-11-25T11:00:00+00:00',
    time_zone: 'UTC',
    group_by: [],
    data: [
      { start: '2026-11-19T00:00:00+00:00', end: '2026-11-20T00:00:00+00:00', ...counts },
      { start: '2026-11-25T00:00:00+00:00', end: '2026-11-25T11:00:00+00:00', ...counts, ...timed, requests: 2, input_tokens: 20, output_tokens: 40, total_tokens: 60, cost_nano: 280_000, cost: '0.00028' }
    ],
    totals: [{ ...counts, ...timed, requests: 3, input_tokens: 30, output_tokens: 60, total_tokens: 90, cost_nano: 420_000, cost: '0.00042' }]
  })
  t.same(usage.reads.map(({ team }) => team), ['ads', 'search'])
})

t.test('groups have their names beside their ids, in the order that is always the same', async (t) => {
  const { get } = await usagePlace(t, [usageHour('2026-11-25T09:00Z'), usageHour('2026-11-25T09:00Z', { keyId: 'gone', currency: undefined, counts: { costNano: 0 } })])
  const { json } = await get('step=hour&group_by=model,key,team&from=2026-11-25T00:00:00Z')
  t.same(json.group_by, ['team', 'key', 'model'])
  t.match(json.data, [
    { start: '2026-11-25T09:00:00+00:00', team: 'search', team_name: '搜索, "Search"', key: 'gone', key_name: null, model: 'qwen-coder-turbo', currency: null, cost_nano: 0, cost: null },
    { team: 'search', key: 'k1', key_name: '=HYPERLINK("http://evil")', currency: 'CNY' }
  ])
  t.same(Object.keys(json.data[0]).slice(0, 8), ['start', 'end', 'team', 'team_name', 'key', 'key_name', 'model', 'currency'])
  t.match(json.totals, [{ currency: 'CNY', cost: '0.00014' }, { currency: null, cost: null }])
})

t.test('only what is asked for is counted', async (t) => {
  const { get, usage } = await usagePlace(t, [usageHour('2026-11-25T09:00Z'), usageHour('2026-11-25T09:00Z', { team: 'ads', keyId: 'k3' }), usageHour('2026-11-25T08:00Z', { model: 'qwen-max' }), usageHour('2026-11-25T07:00Z', { team: 'removed', keyId: 'k4' })])
  const requests = async (query: string): Promise<number> => (await get(query)).json.totals.reduce((sum: number, total: any) => sum + total.requests, 0)
  t.equal(await requests(''), 3)
  t.equal(await requests('team=ads'), 1)
  t.equal(await requests('team=removed'), 1, 'a team that is no more can be named')
  t.equal(await requests('model=qwen-max'), 1)
  t.equal(await requests('key=k3'), 1, 'a key that is no more is looked for in all teams')
  usage.reads.length = 0
  t.equal(await requests('key=k1'), 2)
  t.same(usage.reads.map(({ team }) => team), ['search'], 'one that is there is looked for in its own')
  t.equal(await requests('from=2026-11-25T09:00:00Z'), 2)
  t.equal(await requests('from=2026-11-25T08:00:00Z&to=2026-11-25T09:00:00Z'), 1)
  t.equal(await requests('from=2026-11-25T16:00:00 08:00'), 3, 'a plus sign that was not encoded')
  t.same((await get('team=nobody')).json.data, [])
})

t.test('days are those of the zone, and may be named', async (t) => {
  const { get } = await usagePlace(t, [usageHour('2026-11-24T15:00Z'), usageHour('2026-11-24T16:00Z'), usageHour('2026-11-25T15:00Z')])
  t.match((await get('time_zone=Asia/Shanghai&from=2026-11-24&to=2026-11-26')).json, {
    from: '2026-11-24T00:00:00+08:00',
    to: '2026-11-26T00:00:00+08:00',
    data: [{ start: '2026-11-24T00:00:00+08:00', requests: 1 }, { start: '2026-11-25T00:00:00+08:00', end: '2026-11-26T00:00:00+08:00', requests: 2 }]
  })
  t.equal((await get('time_zone=Asia/Shanghai')).json.from, '2026-11-19T00:00:00+08:00', 'six days before today, there')
})

t.test('a day on which clocks are set has 23 or 25 hours', async (t) => {
  const { get } = await usagePlace(t, Array.from({ length: 24 * 366 }, (_, hour) => usageHour(Date.UTC(2026, 0, 1) + hour * HOUR_MS)))
  const days = async (query: string): Promise<[string, number][]> => (await get(`time_zone=Europe/Berlin&${query}`)).json.data.map(({ start, requests }: any) => [start, requests])
  t.same(await days('from=2026-03-28&to=2026-03-31'), [['2026-03-28T00:00:00+01:00', 24], ['2026-03-29T00:00:00+01:00', 23], ['2026-03-30T00:00:00+02:00', 24]])
  t.same(await days('from=2026-10-25&to=2026-10-26'), [['2026-10-25T00:00:00+02:00', 25]])
})

t.test('what is wrong is refused with its field and its bound', async (t) => {
  const { get, text } = await usagePlace(t, Array.from({ length: 10_001 }, (_, index) => usageHour('2026-11-25T09:00Z', { keyId: `k${index}` })))
  const wrong = [
    ['step=week', 'step', /hour, day/], ['group_by=team,status', 'group_by', /team, key, model/], ['from=yesterday', 'from', /2026-11-25T00:00:00\+08:00/],
    ['from=2026-02-30', 'from', /with its offset/], ['from=2026-11-25T00:00:00', 'from', /with its offset/], ['to=2026-11-01T00:00:00Z&from=2026-11-02T00:00:00Z', 'from', /before to/],
    ['time_zone=Mars', 'time_zone', /Asia\/Shanghai/], ['time_zone=%2B08:00', 'time_zone', /IANA/], ['step=hour&from=2025-01-01&to=2026-11-01', 'from', /10000 hours/],
    ['from=1990-01-01', 'from', /3660 days/], ['team=No%20Team', 'team', /match/], ['format=xml', 'format', /json, csv, ndjson/], ['limit=5', 'limit', /not known/], ['team=a&team=b', 'team', /text/]
  ] as const
  for (const [query, field, message] of wrong) t.match(await get(query), { status: 400, json: { error: { code: 'invalid_request', field, message } } }, query)
  t.match(await get('group_by=key'), { status: 400, json: { error: { message: /more than 10000 rows\. Ask for less time/ } } })
  t.equal(csvObjects((await text('group_by=key&format=csv')).body).length, 10_001, 'exports have no such bound')
})

t.test('no sum is rounded without a word', async (t) => {
  const { get } = await usagePlace(t, ['2026-11-25T08:00Z', '2026-11-25T09:00Z'].map((at) => usageHour(at, { counts: { costNano: 2 ** 52 + 1 } })))
  t.match(await get('step=hour'), { status: 400, json: { error: { message: /costNano is beyond what can be told exactly/ } } })
  t.match(await get('step=hour&to=2026-11-25T09:00:00Z'), { status: 200, json: { data: [{ cost_nano: 4_503_599_627_370_497, cost: '4503599.627370497' }] } })
})

t.test('CSV read back by another parser is what JSON says, row by row', async (t) => {
  const { get, text } = await usagePlace(t, [
    usageHour('2026-11-25T08:00Z', { counts: { durations: buckets({ 4: 7 }) } }), usageHour('2026-11-25T09:00Z', { keyId: 'k2', currency: 'USD' }), usageHour('2026-11-24T09:00Z', { currency: undefined, counts: { costNano: 0 } }),
    usageHour('2026-11-23T09:00Z', { model: '@cf/qwen' }), usageHour('2026-11-20T09:00Z', { team: 'ads' })
  ])
  for (const query of ['', 'group_by=team', 'group_by=team,key,model&step=hour', 'group_by=model&time_zone=Asia/Shanghai', 'team=ads']) {
    const { json } = await get(query)
    const csv = await text(`${query}&format=csv`)
    t.equal(csv.headers['content-type'], 'text/csv; charset=utf-8; header=present')
    t.equal(csv.headers['content-disposition'], 'attachment; filename="dashgate-usage.csv"')
    t.strictSame(csvObjects(csv.body), json.data.map((row: object) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value ?? '').replace(/^[=@]/, '\'$&')]))), query)
    const ndjson = await text(`${query}&format=ndjson`)
    t.equal(ndjson.headers['content-type'], 'application/x-ndjson; charset=utf-8')
    t.strictSame(ndjson.body.split('\n').slice(0, -1).map((line) => JSON.parse(line)), json.data, query)
  }
  t.equal((await text('team=nobody&format=csv&group_by=model')).body.split('\r\n')[0], 'start,end,model,currency,requests,errors,estimated,input_tokens,cached_tokens,output_tokens,reasoning_tokens,total_tokens,cost_nano,cost,duration_ms_p50,duration_ms_p95,first_content_ms_p50,first_content_ms_p95')
})

t.test('a lead sees what is his own team\'s, and a viewer all', async (t) => {
  const { get } = await usagePlace(t, [usageHour('2026-11-25T09:00Z'), usageHour('2026-11-25T09:00Z', { team: 'ads', keyId: 'k9' })])
  const teams = async (query: string, reader: string): Promise<unknown> => (await get(`group_by=team&${query}`, reader)).json.data.map(({ team }: any) => team)
  t.same(await teams('', 'lead-of-ads'), ['ads'])
  t.same(await teams('team=ads', 'lead-of-ads'), ['ads'])
  t.same(await teams('key=k1', 'lead-of-ads'), [], 'the key of another team has done nothing')
  t.match(await get('team=search', 'lead-of-ads'), { status: 404, json: { error: { field: 'team' } } })
  t.same(await teams('', 'viewer'), ['ads', 'search'])
  t.equal((await get('', 'nobody')).status, 401)
})
