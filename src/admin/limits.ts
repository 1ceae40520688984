import type { FastifyInstance } from 'fastify'
import { ExplainSchema } from './schemas.ts'
import { GatewayError } from '../core/errors.ts'
import { parse } from './validation.ts'
import { reportBody } from '../limits/reports.ts'
import { teamOf } from './teams.ts'
import { withFresh } from './fresh.ts'
import type { AdminDeps } from './deps.ts'
import type { ClientKey, Team } from '../accounts/account.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Explanation } from '../limits/limiter.ts'
import type { LimitReport } from '../metering/limit-report.ts'

export function addLimitRoutes (scope: FastifyInstance, { directory, explanations }: AdminDeps): void {
  scope.get<{ Params: { team: string } }>('/teams/:team/budgets', async ({ params }) => {
    const team = await withFresh(directory, () => teamOf(directory, params.team))
    return { data: (await explanations.budgetsOf(team)).map(budgetBody) }
  })

  scope.post('/explain', async ({ body }) => {
    const asked = parse(ExplainSchema, body)
    const account = await withFresh(directory, () => {
      const team = teamOf(directory, asked.team)
      return { team, key: asked.key === undefined ? anyKeyOf(team) : keyOf(directory, team, asked.key) }
    })
    return await explained(explanations.explain({
      account, model: asked.model, inputTokens: asked.input_tokens ?? 0, outputTokensMax: asked.output_tokens_max
    }))
  })
}

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
