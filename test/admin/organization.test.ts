import t from 'tap'
import type { Test } from 'tap'
import { adminApp } from './admin-app.ts'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryUsage, usageHour } from '../metering/usage-hours.ts'
import { readers } from './readers.ts'
import type { UsageHour } from '../../src/metering/rollups.ts'

const DAY = 86_400
const NOV_24 = Date.UTC(2026, 10, 24) / 1_000

async function organization (t: Test, hours: readonly UsageHour[]) {
  const usage = createMemoryUsage(hours)
  const { app, deps } = await adminApp(t, { clock: createManualClock(Date.parse('2026-11-25T10:20:00Z')), usage, identify: readers })
  for (const team of ['search', 'ads']) await deps.directory.createTeam(team, {}, undefined)
  const get = async (path: string, reader: string) => await app.inject({ url: `/v1/organization${path}`, headers: { authorization: `Bearer ${reader}` } })
  return {
    usage,
    costs: async (query: string, reader = 'admin') => await get(`/costs?${query}`, reader),
    completions: async (query: string, reader = 'admin') => await get(`/usage/completions?${query}`, reader)
  }
}

const HOURS = [
  usageHour('2026-11-24T09:00Z', { counts: { cachedTokens: 4 } }),
  usageHour('2026-11-24T10:00Z', { model: 'qwen-max', currency: 'USD', counts: { costNano: 1_234_567_890 } }),
  usageHour('2026-11-25T10:00Z', { team: 'ads', keyId: 'k2' }),
  usageHour('2026-11-25T10:00Z', { model: 'free', currency: undefined, counts: { costNano: 0 } })
]

const RESULT = {
  object: 'organization.usage.completions.result',
  input_tokens: 10,
  input_cached_tokens: 0,
  input_uncached_tokens: 10,
  output_tokens: 20,
  num_model_requests: 1,
  project_id: null,
  user_id: null,
  api_key_id: null,
  model: null,
  batch: null,
  service_tier: null
}

t.test('usage has a bucket for every day, whatever it cost in which currency', async (t) => {
  const { completions } = await organization(t, HOURS)
  t.strictSame((await completions(`start_time=${NOV_24 - DAY}`)).json(), {
    object: 'page',
    data: [
      { object: 'bucket', start_time: NOV_24 - DAY, end_time: NOV_24, results: [] },
      { object: 'bucket', start_time: NOV_24, end_time: NOV_24 + DAY, results: [{ ...RESULT, input_tokens: 20, input_cached_tokens: 4, input_uncached_tokens: 16, output_tokens: 40, num_model_requests: 2 }] },
      { object: 'bucket', start_time: NOV_24 + DAY, end_time: NOV_24 + 2 * DAY, results: [{ ...RESULT, input_tokens: 20, input_uncached_tokens: 20, output_tokens: 40, num_model_requests: 2 }] }
    ],
    has_more: false,
    next_page: null
  })
})

t.test('groups and filters are theirs, in any form that lists are written in', async (t) => {
  const { completions } = await organization(t, HOURS)
  const grouped = await completions(`start_time=${NOV_24}&group_by[]=project_id&group_by[]=model&group_by%5B%5D=api_key_id`)
  t.match(grouped.json().data[0].results, [{ project_id: 'search', model: 'qwen-coder-turbo', api_key_id: 'k1' }, { project_id: 'search', model: 'qwen-max', api_key_id: 'k1' }])
  const requests = async (query: string): Promise<number> => {
    const { data } = (await completions(`start_time=${NOV_24}&${query}`)).json()
    return data.flatMap(({ results }: any) => results).reduce((sum: number, { num_model_requests: count }: any) => sum + count, 0)
  }
  t.equal(await requests('models[]=qwen-max'), 1)
  t.equal(await requests('models=qwen-max&models=free'), 2)
  t.equal(await requests('models[0]=qwen-max&api_key_ids[]=k2'), 0)
  t.equal(await requests('project_ids[]=ads'), 1)
  t.equal(await requests('project_ids[]=ads&project_ids[]=search'), 4)
  t.equal(await requests('api_key_ids[]=k2'), 1)
  t.equal(await requests('batch=false'), 4)
  t.equal(await requests('batch=true'), 0, 'nothing here is a batch job')
  t.equal(await requests(`end_time=${NOV_24 + 1}`), 2, 'a bucket is whole or not there')
})

t.test('costs are a number of all decimals in each currency', async (t) => {
  const { costs } = await organization(t, HOURS)
  const { body } = await costs(`start_time=${NOV_24}`)
  t.match(body, '"amount":{"value":1.23456789,"currency":"usd"}')
  const result = { object: 'organization.costs.result', line_item: null, project_id: null, api_key_id: null, user_id: null, quantity: null }
  t.strictSame(JSON.parse(body).data.map(({ results }: any) => results), [
    [{ ...result, amount: { value: 0.00014, currency: 'cny' } }, { ...result, amount: { value: 1.23456789, currency: 'usd' } }],
    [{ ...result, amount: { value: 0.00014, currency: 'cny' } }]
  ], 'what has no price is no cost')
  t.match((await costs(`start_time=${NOV_24}&group_by[]=line_item&group_by[]=project_id&group_by[]=api_key_id`)).json().data[0].results,
    [{ line_item: 'qwen-coder-turbo', project_id: 'search', api_key_id: 'k1' }, { line_item: 'qwen-max' }])
  t.match((await costs(`start_time=${NOV_24}&line_items[]=qwen-max`)).json().data[0].results, [{ amount: { currency: 'usd' } }])
})

t.test('an amount that no double holds is sent with all its digits', async (t) => {
  const { costs } = await organization(t, [usageHour('2026-11-24T09:00Z', { counts: { costNano: Number.MAX_SAFE_INTEGER } })])
  t.match((await costs(`start_time=${NOV_24}`)).body, '"value":9007199.254740991,')
})

t.test('pages have so many buckets, and go on', async (t) => {
  const { completions, usage } = await organization(t, HOURS)
  const starts: number[] = []
  let page = ''
  for (let pages = 0; pages < 20; pages++) {
    const json = (await completions(`start_time=${NOV_24 + 600}&bucket_width=1h&limit=10&end_time=${NOV_24 + DAY + 3_601}${page}`)).json()
    starts.push(...json.data.map(({ start_time: start }: any) => start))
    t.equal(json.has_more, json.next_page !== null)
    if (json.next_page === null) break
    page = `&page=${json.next_page}`
  }
  t.same(starts, Array.from({ length: 26 }, (_, index) => NOV_24 + index * 3_600))
  t.equal(usage.reads.length, 3 * 2, 'each page reads what it shows')
  t.equal((await completions(`start_time=${NOV_24 - 30 * DAY}`)).json().data.length, 7)
  t.equal((await completions(`start_time=${NOV_24 - 3 * DAY}&bucket_width=1h`)).json().data.length, 24)
  t.same((await completions(`start_time=${NOV_24 + 30 * DAY}`)).json(), { object: 'page', data: [], has_more: false, next_page: null })
})

t.test('errors are in OpenAI\'s words', async (t) => {
  const { completions, costs } = await organization(t, HOURS)
  const wrong = [
    ['', 'start_time', /is required/], ['start_time=soon', 'start_time', /match/], [`start_time=${NOV_24}&bucket_width=1m`, 'bucket_width', /bucket_width must be 1h or 1d: usage is kept by the hour/],
    [`start_time=${NOV_24}&end_time=${NOV_24}`, 'end_time', /after/], [`start_time=${NOV_24}&limit=32`, 'limit', /1 to 31/], [`start_time=${NOV_24}&limit=0`, 'limit', /1 to 31/], [`start_time=${NOV_24}&group_by[]=user_id`, 'group_by', /project_id, api_key_id, model/],
    [`start_time=${NOV_24}&group_by[]=constructor`, 'group_by', /not known/], [`start_time=${NOV_24}&user_ids[]=u`, 'user_ids', /not known/], [`start_time=${NOV_24}&page=page_7`, 'page', /next_page/], [`start_time=${NOV_24}&models[]=a&models=b`, null, /more than one form/],
    [`start_time=${NOV_24}&line_items[]=a`, 'line_items', /not known/], [`start_time=${NOV_24}&project_ids[]=No`, 'project_ids[0]', /match/]
  ] as const
  for (const [query, param, message] of wrong) {
    const response = await completions(query)
    t.equal(response.statusCode, 400, query)
    t.match(response.json(), { error: { type: 'invalid_request_error', code: 'invalid_request', param, message } }, query)
  }
  t.match((await costs(`start_time=${NOV_24}&bucket_width=1h`)).json(), { error: { param: 'bucket_width', message: /must be 1d/ } })
  t.match((await costs(`start_time=${NOV_24}&models[]=a`)).json(), { error: { param: 'models' } })
  const refused = await completions(`start_time=${NOV_24}`, 'nobody')
  t.equal(refused.statusCode, 401)
  t.match(refused.json(), { error: { type: 'invalid_request_error', code: 'invalid_api_key', param: null, message: /admin token/ } })
})

t.test('a lead sees his own project', async (t) => {
  const { completions, costs } = await organization(t, HOURS)
  const projects = (await completions(`start_time=${NOV_24}&group_by[]=project_id`, 'lead-of-ads')).json().data.flatMap(({ results }: any) => results.map(({ project_id: id }: any) => id))
  t.same(projects, ['ads'])
  const other = await costs(`start_time=${NOV_24}&project_ids[]=ads&project_ids[]=search`, 'lead-of-ads')
  t.equal(other.statusCode, 404)
  t.match(other.json(), { error: { type: 'invalid_request_error', code: 'not_found', message: 'There is no such team.' } })
})
