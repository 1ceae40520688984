import Type from 'typebox'
import { closed, ExplainSchema, InstantSchema, listReply, orNull, TeamParamsSchema } from './schemas.ts'
import { defineRoute, READ_OF_OWN_TEAM } from './route.ts'
import { GatewayError } from '../core/errors.ts'
import { reportBody } from '../limits/reports.ts'
import { TEAM_IN_BODY, TEAM_IN_PATH } from './owners.ts'
import { teamOf } from './teams.ts'
import { withFresh } from './fresh.ts'
import type { AdminRoute } from './route.ts'
import type { ClientKey, Team } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Explanation } from '../limits/limiter.ts'
import type { LimitReport } from '../metering/limit-report.ts'

const AmountSchema = Type.Union([Type.Integer(), Type.String()], {
  title: 'Amount', description: 'A whole number of tokens or requests, or a sum of money as a decimal number in a text.'
})
const ScopeSchema = Type.Enum(['team', 'key', 'team_model', 'key_model'])

const BudgetReportSchema = Type.Object({
  scope: ScopeSchema,
  per_model: orNull(Type.String()),
  id: Type.String(),
  unit: Type.String(),
  amount: AmountSchema,
  spent: AmountSchema,
  held: AmountSchema,
  remaining: AmountSchema,
  resets_at: orNull(InstantSchema)
}, { ...closed, title: 'BudgetReport' })

/** What one limit had to say. */
export const LimitReportSchema = Type.Object({
  scope: ScopeSchema,
  per_model: Type.Optional(Type.String()),
  id: Type.String(),
  kind: Type.Enum(['rate', 'concurrency', 'budget']),
  unit: Type.String(),
  amount: AmountSchema,
  used: AmountSchema,
  held: AmountSchema,
  requested: AmountSchema,
  remaining: AmountSchema,
  allows: Type.Boolean(),
  retry_after_seconds: orNull(Type.Integer()),
  resets_at: orNull(InstantSchema)
}, { ...closed, title: 'LimitReport' })

const ExplanationSchema = Type.Object({
  allowed: Type.Boolean(),
  refused_by: orNull(Type.Object({ code: Type.String(), message: Type.String() }, closed)),
  decided_by: orNull(LimitReportSchema),
  output_tokens_fit: orNull(Type.Integer({ description: 'The longest answer that would be let in.' })),
  limits: Type.Array(LimitReportSchema)
}, { ...closed, title: 'Explanation' })

export const LIMIT_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/teams/:team/budgets',
    operationId: 'listBudgets',
    summary: 'A team\'s budgets as they stand.',
    access: READ_OF_OWN_TEAM,
    owner: TEAM_IN_PATH,
    params: TeamParamsSchema,
    reply: listReply(BudgetReportSchema),
    async handler ({ params }, { directory, explanations }) {
      const team = await withFresh(directory, () => teamOf(directory, params.team))
      return { data: (await explanations.budgetsOf(team)).map(budgetBody) }
    }
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/explain',
    operationId: 'explain',
    summary: 'Would this request be let in now, and what decides? Nothing is sent or held.',
    access: READ_OF_OWN_TEAM,
    owner: TEAM_IN_BODY,
    isRead: true,
    body: ExplainSchema,
    examples: { body: { team: 'search', model: 'qwen-coder-turbo', input_tokens: 1_200, output_tokens_max: 800 } },
    reply: ExplanationSchema,
    async handler ({ body: asked }, { directory, explanations }) {
      const account = await withFresh(directory, () => {
        const team = teamOf(directory, asked.team)
        return { team, key: asked.key === undefined ? anyKeyOf(team) : keyOf(directory, team, asked.key) }
      })
      return await explained(explanations.explain({
        account, model: asked.model, inputTokens: asked.input_tokens ?? 0, outputTokensMax: asked.output_tokens_max
      }))
    }
  })
]

/** Stands for a key that sets nothing itself, where nobody says which one is meant. */
function anyKeyOf (team: Team): ClientKey {
  return { id: '', team: team.id, digest: '', former: [], settings: {}, createdMs: 0, revision: 1 }
}

/** A key of another team is answered like one that never was. */
function keyOf (directory: Directory, team: Team, id: string): ClientKey {
  const key = directory.key(id)
  if (key?.team !== team.id) throw new GatewayError('not_found', 'The team has no such key.', { param: 'key' })
  return key
}

/** What refuses a request before any limit is asked is an answer here, and no error. */
async function explained (explanation: Promise<Explanation>): Promise<object> {
  try {
    const { allowed, decidedBy, outputTokensFit, reports } = await explanation
    return {
      allowed,
      refused_by: null,
      decided_by: decidedBy === undefined ? null : reportBody(decidedBy),
      output_tokens_fit: outputTokensFit ?? null,
      limits: reports.map(reportBody)
    }
  } catch (caught) {
    if (!(caught instanceof GatewayError) || (caught.kind !== 'permission_denied' && caught.kind !== 'model_not_found')) throw caught
    const refusedBy = { code: caught.kind, message: caught.message }
    return { allowed: false, refused_by: refusedBy, decided_by: null, output_tokens_fit: null, limits: [] }
  }
}

function budgetBody (report: LimitReport): object {
  const { scope, per_model: perModel, id, unit, amount, used: spent, held, remaining, resets_at: resetsAt } = reportBody(report)
  return { scope, per_model: perModel ?? null, id, unit, amount, spent, held, remaining, resets_at: resetsAt }
}
