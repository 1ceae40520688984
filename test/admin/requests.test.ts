import t from 'tap'
import type { Test } from 'tap'
import { adminApp } from './admin-app.ts'
import { createMemoryLog, RECORD, REFUSAL } from '../metering/memory-log.ts'
import { csvObjects } from '../support/csv.ts'
import { DAILY } from '../support/limit-report.ts'
import { readers } from './readers.ts'
import type { MemoryLog } from '../metering/memory-log.ts'

async function requestsPlace (t: Test, write: (log: MemoryLog) => void) {
  const log = createMemoryLog()
  write(log)
  const { app, call, deps, failures } = await adminApp(t, { ledger: log.ledger, refusals: log.refusals, identify: readers })
  for (const team of ['search', 'ads']) await deps.directory.createTeam(team, {}, undefined)
  return {
    failures,
    get: async (path: string, reader = 'admin') => await call('GET', `/requests${path}`, undefined, { authorization: `Bearer ${reader}` }),
    text: async (query: string) => await app.inject({ url: `/admin/v1/requests?${query}`, headers: { authorization: 'Bearer admin' } })
  }
}

const CHARGED = {
  request_id: 'r1',
  time: '2026-11-25T10:00:00.000Z',
  team: 'search',
  key_id: 'k1',
  surface: 'openai',
  model: 'qwen-coder-turbo',
  upstream: 'dashscope',
  upstream_model: 'qwen-coder-turbo',
  upstream_request_id: 'u1',
  stream: false,
  attempts: 1,
  status: 200,
  outcome: 'completed',
  error: null,
  usage: { input_tokens: 85, cached_tokens: 5, output_tokens: 195, reasoning_tokens: 0, total_tokens: 280, source: 'reported' },
  cost_nano: 1_340_000,
  currency: 'CNY',
  first_content_ms: 320,
  duration_ms: 1_250
}
const ATTEMPT = { ...CHARGED, attempt: 1, superseded: false }
const REFUSED = {
  request_id: 'f1', time: '2026-11-25T10:00:00.000Z', team: 'ads', key_id: 'k1', model: 'qwen-coder-turbo', status: 429, outcome: 'refused', error: 'rate_limited', message: 'Too many.', usage: null, cost_nano: 0
}

t.test('what was charged and what was refused is one list, the latest first', async (t) => {
  const { get } = await requestsPlace(t, (log) => {
    log.charge()
    log.refuse({ team: 'ads' })
  })
  t.strictSame((await get('')).json, { data: [REFUSED, ATTEMPT], has_more: false, next_cursor: null })
})

t.test('pages go on where the one before ended, and the cursor says nothing', async (t) => {
  const { get } = await requestsPlace(t, (log) => {
    for (let index = 0; index < 5; index++) log.charge({ requestId: String(index), team: index % 2 === 0 ? 'search' : 'ads' })
  })
  const ids: string[] = []
  let cursor = ''
  for (let pages = 0; pages < 10; pages++) {
    const { json } = await get(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    ids.push(...json.data.map(({ request_id: id }: any) => id))
    t.equal(json.has_more, json.next_cursor !== null)
    if (json.next_cursor === null) break
    cursor = json.next_cursor
    t.notMatch(cursor, /search|ads|-/)
  }
  t.same(ids, ['4', '3', '2', '1', '0'])
  for (const bad of ['x', `${cursor}!`, Buffer.from('1764064800000-000001-l-search\n').toString('base64url')]) {
    t.match(await get(`?cursor=${bad}`), { status: 400, json: { error: { field: 'cursor' } } })
  }
})

t.test('filters are taken together', async (t) => {
  const { get } = await requestsPlace(t, (log) => {
    log.charge({ requestId: 'a' })
    log.charge({ requestId: 'b', status: 502, outcome: 'failed', errorKind: 'upstream_failed' })
    log.refuse({ requestId: 'c', keyId: 'k2' })
    log.refuse({ requestId: 'd', team: 'ads' })
  })
  const ids = async (query: string): Promise<unknown> => (await get(`?${query}`)).json.data.map(({ request_id: id }: any) => id)
  t.same(await ids('team=search'), ['c', 'b', 'a'])
  t.same(await ids('status=429'), ['d', 'c'])
  t.same(await ids('status=5xx'), ['b'])
  t.same(await ids('status=refused&key=k2'), ['c'])
  t.same(await ids('model=qwen-max'), [])
  t.same(await ids('from=2026-11-25T18:00:00%2B08:00'), ['d', 'c', 'b', 'a'])
  t.same(await ids('to=2026-11-25T10:00:00Z'), [])
  const wrong = [['status=999', 'status'], ['status=4', 'status'], ['limit=201', 'limit'], ['from=now', 'from'], ['from=2026-11-25T10:00:00Z&to=2026-11-25T10:00:00Z', 'from'],
    ['page=2', 'page'], ['format=csv&limit=5', 'limit'], ['format=ndjson&cursor=x', 'cursor']] as const
  for (const [query, field] of wrong) t.match(await get(`?${query}`), { status: 400, json: { error: { field } } }, query)
})

t.test('one request has all that was billed for it, and its limits as they were decided', async (t) => {
  const { get } = await requestsPlace(t, (log) => {
    log.charge({ superseded: true, status: 504, outcome: 'failed', errorKind: 'upstream_timeout', usage: { ...RECORD.usage, outputTokens: 0, source: 'estimated' }, costNano: 170_000, limits: [DAILY] })
    log.charge({ attempt: 2, attempts: 2, upstream: 'other', limits: [{ ...DAILY, allows: true }] })
    log.refuse({ limits: [DAILY] })
  })
  const limit = { scope: 'team', id: 'daily', kind: 'budget', unit: 'tokens', amount: 1_000, used: 700, held: 200, requested: 500, remaining: 100, allows: false, retry_after_seconds: 60, resets_at: '2026-01-02T00:00:00.000Z' }
  const allowed = { ...limit, allows: true }
  const { usage } = CHARGED
  t.strictSame((await get('/r1')).json, {
    ...CHARGED,
    attempts: 2,
    upstream: 'other',
    usage: { ...usage, input_tokens: 170, cached_tokens: 10, total_tokens: 365, source: 'estimated' },
    cost_nano: 1_510_000,
    limits: [allowed],
    billed_attempts: [
      { ...ATTEMPT, superseded: true, status: 504, outcome: 'failed', error: 'upstream_timeout', usage: { ...usage, output_tokens: 0, total_tokens: 85, source: 'estimated' }, cost_nano: 170_000, limits: [limit] },
      { ...ATTEMPT, attempt: 2, attempts: 2, upstream: 'other', limits: [allowed] }
    ]
  })
  t.strictSame((await get('/f1')).json, { ...REFUSED, team: 'search', limits: [limit], billed_attempts: [] })
  t.equal((await get('/f1?team=search')).status, 200)
  for (const path of ['/f1?team=ads', '/none']) t.match(await get(path), { status: 404, json: { error: { message: 'There is no such request.' } } }, path)
})

t.test('CSV and NDJSON have the same, and all of it', async (t) => {
  const { get, text, failures } = await requestsPlace(t, (log) => {
    for (let index = 0; index < 1_500; index++) log.charge({ requestId: `r${index}`, ...(index === 3 ? { upstream: '=cmd' } : {}) })
    log.refuse({ message: 'Said "no",\nand meant it.', team: 'ads' })
  })
  const { json: { data } } = await get('?limit=200')
  const lines = (await text('format=ndjson')).body.split('\n').slice(0, -1).map((line) => JSON.parse(line))
  t.equal(lines.length, 1_501)
  t.strictSame(lines.slice(0, 200), data)
  const cells = ({ usage, ...rest }: any) => Object.fromEntries(Object.entries({ ...rest, ...usage }).map(([name, value]) => [name, String(value ?? '').replace(/^=/, '\'=')]))
  const csv = csvObjects((await text('format=csv')).body)
  t.equal(csv.length, 1_501)
  for (const [index, line] of csv.entries()) {
    const expected = cells(lines[index])
    if (Object.entries(line).some(([name, value]) => value !== (expected[name] ?? ''))) t.strictSame(line, expected, `line ${index}`)
  }
  t.same(Object.keys(cells(lines[1])).filter((name) => !(name in (csv[0] ?? {}))), [], 'nothing is left out')
  t.match((await text('format=csv&status=refused')).body, /,429,refused,rate_limited,"Said ""no"",\nand meant it\.",/)
  t.same(failures, [])
})

t.test('a lead sees what is his own team\'s', async (t) => {
  const { get } = await requestsPlace(t, (log) => {
    log.charge()
    log.refuse({ team: 'ads' })
  })
  t.match((await get('', 'lead-of-ads')).json.data, [{ request_id: 'f1' }])
  t.equal((await get('/f1', 'lead-of-ads')).status, 200)
  for (const path of ['/r1', '/r1?team=search', '?team=search']) t.equal((await get(path, 'lead-of-ads')).status, 404, path)
  t.match((await get('', 'viewer')).json.data, { length: 2 })
  t.equal((await get('/r1', 'viewer')).status, 200)
})

t.test('a refusal of a kind that is not known any more is shown as one of a rate', async (t) => {
  const { get } = await requestsPlace(t, (log) => log.refuse({ ...REFUSAL, errorKind: 'older' }))
  t.match((await get('/f1')).json, { status: 429, error: 'older' })
})
