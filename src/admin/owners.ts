import { GatewayError } from '../core/errors.ts'
import type { Owner } from './route.ts'

export const missingTeam = (): GatewayError => new GatewayError('not_found', 'There is no such team.', { param: 'team' })
export const missingKey = (): GatewayError => new GatewayError('not_found', 'There is no such key.', { param: 'key' })

/** Of what the path names a team for. */
export const TEAM_IN_PATH: Owner<{ team: string }, unknown> = { teamOf: ({ params }) => params.team, missing: missingTeam }

/** Of what the body names a team for. */
export const TEAM_IN_BODY: Owner<unknown, { team: string }> = { teamOf: ({ body }) => body.team, missing: missingTeam }

/** Of a key that the path names. */
export const KEY_IN_PATH: Owner<{ id: string }, unknown> = {
  teamOf: ({ params }, directory) => directory.key(params.id)?.team, missing: missingKey
}
