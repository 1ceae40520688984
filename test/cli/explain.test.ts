import t from 'tap'
import { DAILY } from '../support/limit-report.ts'
import { adminPlace } from './admin.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { Explanation } from '../../src/limits/limiter.ts'
import type { LimitReport } from '../../src/metering/limit-report.ts'
import type { Question } from '../../src/limits/explanations.ts'

const MONTHLY: LimitReport = {
  ...DAILY, scope: 'team_model', perModelId: 'big', id: 'monthly', unit: 'CNY', amount: 300_000_000_000, used: 0, held: 0, requested: 1, remaining: 300_000_000_000, allows: true, retryAfterMs: undefined, resetsAtMs: undefined
}

function answering (explanation: Explanation | GatewayError, questions: Question[] = []) {
  const explain = async (question: Question): Promise<Explanation> => {
    questions.push(question)
    if (explanation instanceof GatewayError) throw explanation
    return explanation
  }
  return { explanations: { budgetsOf: async () => [], explain } }
}

t.test('a refusal is explained with every limit and the one that decides', async (t) => {
  const questions: Question[] = []
  const { dashgate, call } = await adminPlace(t, {}, answering({ allowed: false, decidedBy: DAILY, outputTokensFit: undefined, reports: [DAILY, MONTHLY] }, questions))
  await call('POST', '/teams', { id: 'search' })
  const { json: key } = await call('POST', '/teams/search/keys', {})
  t.same(await dashgate('explain', 'search', 'qwen-max', '--key', key.id, '--input-tokens', '100', '--max-tokens', '400'), {
    code: 0,
    stderr: '',
    stdout: [
      'qwen-max for team search: refused. team daily decides; it would allow it in 60 s.',
      '',
      'LIMIT                   UNIT    AMOUNT  USED  HELD    REQUESTED  REMAINING  RESETS                    ALLOWS',
      'team daily              tokens    1000   700   200          500        100  2026-01-02T00:00:00.000Z  NO',
      'team_model big monthly  CNY        300     0     0  0.000000001        300  -                         yes',
      ''
    ].join('\n')
  })
  t.match(questions, [{ account: { key: { id: key.id } }, model: 'qwen-max', inputTokens: 100, outputTokensMax: 400 }])
  t.match(JSON.parse((await dashgate('explain', 'search', 'qwen-max', '--json')).stdout), { allowed: false, decided_by: { id: 'daily' }, limits: [{ id: 'daily' }, { id: 'monthly' }] })
})

t.test('what lets a request in is said in a sentence', async (t) => {
  const cases: readonly (readonly [Explanation | GatewayError, string])[] = [
    [{ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] }, 'm for team search: allowed. No limit applies.\n'],
    [{ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [MONTHLY] }, 'm for team search: allowed. Every limit allows it.\n'],
    [{ allowed: true, decidedBy: undefined, outputTokensFit: 40, reports: [MONTHLY] }, 'm for team search: allowed. The answer may have 40 tokens: more would not fit.\n'],
    [{ allowed: false, decidedBy: { ...DAILY, retryAfterMs: 'never' }, outputTokensFit: undefined, reports: [DAILY] }, 'm for team search: refused. team daily decides; waiting does not help.\n'],
    [new GatewayError('model_not_found', 'There is no model "m".'), 'm for team search: refused. There is no model "m".\n']
  ]
  for (const [explanation, expected] of cases) {
    const { dashgate, call } = await adminPlace(t, {}, answering(explanation))
    await call('POST', '/teams', { id: 'search' })
    const { code, stdout } = await dashgate('explain', 'search', 'm')
    t.equal(code, 0)
    t.ok(stdout.startsWith(expected), stdout)
  }
})
