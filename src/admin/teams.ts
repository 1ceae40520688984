import Type from 'typebox'
import { ADMIN_ALONE, READ_OF_OWN_TEAM, defineRoute } from './route.ts'
import { assertSound, patched } from './validation.ts'
import { changeShown, ChangeSchema, closed, InstantSchema, NewTeamSchema, PageSchema, pageReply, TeamParamsSchema } from './schemas.ts'
import { missingTeam, TEAM_IN_PATH } from './owners.ts'
import { pageOf } from './page.ts'
import { TeamSettingsSchema } from '../accounts/account.ts'
import { takeRevision } from './revision.ts'
import { withFresh } from './fresh.ts'
import type { Actor } from '../accounts/actor.ts'
import type { AdminRoute } from './route.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Team } from '../accounts/account.ts'

const TeamSchema = Type.Object({
  ...NewTeamSchema.properties, created_at: InstantSchema, revision: Type.Integer({ minimum: 1 })
}, { ...closed, title: 'Team' })

const EXAMPLE = {
  id: 'search',
  name: 'Search',
  requests_per_minute: 600,
  tokens_per_minute: { limit: 1_000_000, burst: 500_000 },
  budgets: [{ id: 'monthly', unit: 'CNY', period: 'month', amount: 300, time_zone: 'Asia/Shanghai', alert_at: [0.8, 1] }],
  models: ['qwen-coder-*']
}

export const TEAM_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/teams',
    operationId: 'listTeams',
    summary: 'Teams, by id. A lead sees his own.',
    access: READ_OF_OWN_TEAM,
    query: PageSchema,
    reply: pageReply(TeamSchema),
    handler: ({ query, actor }, { directory }) => pageOf(seenBy(actor, directory), query, teamBody)
  }),
  defineRoute({
    method: 'POST',
    path: '/admin/v1/teams',
    operationId: 'createTeam',
    summary: 'Make a team.',
    access: ADMIN_ALONE,
    object: 'team',
    body: NewTeamSchema,
    reply: TeamSchema,
    status: 201,
    examples: { body: EXAMPLE, reply: { ...EXAMPLE, created_at: '2026-01-01T00:00:00.000Z', revision: 1 } },
    async handler ({ body: { id, ...settings }, actor }, { directory }) {
      assertSound(settings)
      return teamBody(await withFresh(directory, () => directory.createTeam(id, settings, actor)))
    }
  }),
  defineRoute({
    method: 'GET',
    path: '/admin/v1/teams/:team',
    operationId: 'getTeam',
    summary: 'One team.',
    access: READ_OF_OWN_TEAM,
    owner: TEAM_IN_PATH,
    params: TeamParamsSchema,
    reply: TeamSchema,
    handler: ({ params }, { directory }) => withFresh(directory, () => teamBody(teamOf(directory, params.team)))
  }),
  defineRoute({
    method: 'PATCH',
    path: '/admin/v1/teams/:team',
    operationId: 'updateTeam',
    summary: 'Change what is set of a team. What is left out stays, and null takes away.',
    access: ADMIN_ALONE,
    object: 'team::team',
    params: TeamParamsSchema,
    body: ChangeSchema,
    bodyShown: changeShown('TeamChange', TeamSettingsSchema),
    examples: { body: { requests_per_minute: 1_200, models: null, revision: 1 } },
    reply: TeamSchema,
    async handler ({ params, body, actor }, { directory }) {
      const { changes, assertRevision } = takeRevision(body)
      return await withFresh(directory, async () => {
        const team = teamOf(directory, params.team)
        assertRevision(team)
        const settings = patched(TeamSettingsSchema, team.settings, changes)
        assertSound(settings, team.settings)
        return teamBody(await directory.replaceTeam(team, settings, actor))
      })
    }
  }),
  defineRoute({
    method: 'DELETE',
    path: '/admin/v1/teams/:team',
    operationId: 'removeTeam',
    summary: 'Remove a team that has no keys and no tokens any more.',
    access: ADMIN_ALONE,
    object: 'team::team',
    params: TeamParamsSchema,
    reply: null,
    status: 204,
    async handler ({ params, actor }, { directory }) {
      await withFresh(directory, () => directory.removeTeam(teamOf(directory, params.team), actor))
      return undefined
    }
  })
]

function seenBy ({ role, team }: Actor, directory: Directory): readonly Team[] {
  return role === 'team' ? directory.teams().filter(({ id }) => id === team) : directory.teams()
}

/** @throws GatewayError `not_found` */
export function teamOf (directory: Directory, id: string): Team {
  const team = directory.team(id)
  if (team === undefined) throw missingTeam()
  return team
}

function teamBody ({ id, settings, createdMs, revision }: Team): object {
  return { id, ...settings, created_at: new Date(createdMs).toISOString(), revision }
}
