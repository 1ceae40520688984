import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { assertSound, parse, patched } from './validation.ts'
import { NewTeamSchema } from './schemas.ts'
import { pageOf } from './page.ts'
import { TeamSettingsSchema } from '../accounts/account.ts'
import { takeRevision } from './revision.ts'
import { withFresh } from './fresh.ts'
import type { AdminDeps } from './deps.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Team } from '../accounts/account.ts'

interface TeamParams { Params: { team: string } }

export function addTeamRoutes (scope: FastifyInstance, { directory }: AdminDeps): void {
  scope.get('/teams', async (request) => pageOf(directory.teams(), request.query, teamBody))

  scope.post('/teams', async (request, reply) => {
    const { id, ...settings } = parse(NewTeamSchema, request.body)
    assertSound(settings)
    return await reply.code(201).send(teamBody(await withFresh(directory, () => directory.createTeam(id, settings, undefined))))
  })

  scope.get<TeamParams>('/teams/:team', async ({ params }) => await withFresh(directory, () => teamBody(teamOf(directory, params.team))))

  scope.patch<TeamParams>('/teams/:team', async ({ params, body }) => {
    const { changes, assertRevision } = takeRevision(body)
    return await withFresh(directory, async () => {
      const team = teamOf(directory, params.team)
      assertRevision(team)
      const settings = patched(TeamSettingsSchema, team.settings, changes)
      assertSound(settings, team.settings)
      return teamBody(await directory.replaceTeam(team, settings, undefined))
    })
  })

  scope.delete<TeamParams>('/teams/:team', async ({ params }, reply) => {
    await withFresh(directory, () => directory.removeTeam(teamOf(directory, params.team), undefined))
    return await reply.code(204).send()
  })
}

/** @throws GatewayError `not_found` */
export function teamOf (directory: Directory, id: string): Team {
  const team = directory.team(id)
  if (team === undefined) throw new GatewayError('not_found', 'There is no such team.', { param: 'team' })
  return team
}

function teamBody ({ id, settings, createdMs, revision }: Team): object {
  return { id, ...settings, created_at: new Date(createdMs).toISOString(), revision }
}
