import t from 'tap'
import { DAILY } from '../support/limit-report.ts'
import { adminApp } from './admin-app.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { Explanation } from '../../src/limits/limiter.ts'
import type { LimitReport } from '../../src/metering/limit-report.ts'
import type { Question } from '../../src/limits/explanations.ts'

t.test('a team\'s budgets are shown with what is left of them', async (t) => {
  const asked: string[] = []
  const money: LimitReport = { ...DAILY, scope: 'team_model', perModelId: 'big', id: 'monthly', unit: 'CNY', amount: 300_000_000_000, used: 1, held: 0, remaining: 299_999_999_999, resetsAtMs: undefined }
  const budgetsOf = async (team: { id: string }): Promise<LimitReport[]> => { asked.push(team.id); return [DAILY, money] }
  const { call } = await adminApp(t, { explanations: { budgetsOf, explain: async () => { throw new Error('not asked') } } })
  await call('POST', '/teams', { id: 'search' })
  t.strictSame((await call('GET', '/teams/search/budgets')).json, {
    data: [
      { scope: 'team', per_model: null, id: 'daily', unit: 'tokens', amount: 1_000, spent: 700, held: 200, remaining: 100, resets_at: '2026-01-02T00:00:00.000Z' },
      { scope: 'team_model', per_model: 'big', id: 'monthly', unit: 'CNY', amount: '300', spent: '0.000000001', held: '0', remaining: '299.999999999', resets_at: null }
    ]
  })
  t.same(asked, ['search'])
  t.equal((await call('GET', '/teams/none/budgets')).status, 404)
})

t.test('explain asks for the key and the amounts that are named, and shows what decides', async (t) => {
  const questions: Question[] = []
  const explain = async (question: Question): Promise<Explanation> => {
    questions.push(question)
    return { allowed: false, decidedBy: DAILY, outputTokensFit: 50, reports: [DAILY] }
  }
  const { call } = await adminApp(t, { explanations: { budgetsOf: async () => [], explain } })
  await call('POST', '/teams', { id: 'search', name: 'Search' })
  const { json: key } = await call('POST', '/teams/search/keys', { name: 'CI' })
  const { status, json } = await call('POST', '/explain', { team: 'search', key: key.id, model: 'qwen-max', input_tokens: 10, output_tokens_max: 20 })
  const limit = {
    scope: 'team',
    id: 'daily',
    kind: 'budget',
    unit: 'tokens',
    amount: 1_000,
    used: 700,
    held: 200,
    requested: 500,
    remaining: 100,
    allows: false,
    retry_after_seconds: 60,
    resets_at: '2026-01-02T00:00:00.000Z'
  }
  t.strictSame([status, json], [200, { allowed: false, refused_by: null, decided_by: limit, output_tokens_fit: 50, limits: [limit] }])
  await call('POST', '/explain', { team: 'search', model: 'qwen-max' })
  t.match(questions, [
    { account: { team: { id: 'search', settings: { name: 'Search' } }, key: { id: key.id, settings: { name: 'CI' } } }, model: 'qwen-max', inputTokens: 10, outputTokensMax: 20 },
    { account: { team: { id: 'search' }, key: { id: '', settings: {} } }, inputTokens: 0, outputTokensMax: undefined }
  ])
})

t.test('a model that may not be used is an answer, and no error', async (t) => {
  let refusal = new GatewayError('permission_denied', 'The model has no price.')
  const { call } = await adminApp(t, { explanations: { budgetsOf: async () => [], explain: async () => { throw refusal } } })
  await call('POST', '/teams', { id: 'search' })
  t.strictSame((await call('POST', '/explain', { team: 'search', model: 'm' })).json, {
    allowed: false, refused_by: { code: 'permission_denied', message: 'The model has no price.' }, decided_by: null, output_tokens_fit: null, limits: []
  })
  refusal = new GatewayError('store_unavailable', 'away', { retryAfterMs: 1_000 })
  const { status, headers } = await call('POST', '/explain', { team: 'search', model: 'm' })
  t.same([status, headers['retry-after']], [503, '1'])
})

t.test('explain names what is wrong, and what is not there', async (t) => {
  const { call } = await adminApp(t)
  for (const id of ['search', 'ads']) await call('POST', '/teams', { id })
  const { json: foreign } = await call('POST', '/teams/ads/keys', {})
  for (const [body, field] of [[{}, 'team'], [{ team: 'search' }, 'model'], [{ team: 'search', model: '' }, 'model'], [{ team: 'search', model: 'm', input_tokens: -1 }, 'input_tokens'],
    [{ team: 'search', model: 'm', output_tokens_max: 0 }, 'output_tokens_max'], [{ team: 'search', model: 'm', prompt: 'x' }, 'prompt']] as const) {
    t.match(await call('POST', '/explain', body), { status: 400, json: { error: { field } } }, field)
  }
  t.match(await call('POST', '/explain', { team: 'none', model: 'm' }), { status: 404, json: { error: { field: 'team' } } })
  for (const key of ['none', foreign.id]) t.match(await call('POST', '/explain', { team: 'search', model: 'm', key }), { status: 404, json: { error: { field: 'key' } } })
})
