import { GatewayError } from '../core/errors.ts'
import { withFresh } from './fresh.ts'
import type { Actor } from '../accounts/actor.ts'
import type { AdminRequest, AdminRoute } from './route.ts'
import type { Directory } from '../accounts/directory.ts'

/** @throws GatewayError `permission_denied` for a role that may not use the route at all */
export function assertRole ({ access }: AdminRoute, { role }: Actor): void {
  const isAllowed = role === 'team' ? access.team === 'own' : access[role]
  if (!isAllowed) throw new GatewayError('permission_denied', `The role ${role} may not do this.`)
}

/** Nobody else needs to own what he asks for. @throws GatewayError `not_found` for what a lead's own team does not have */
export async function assertOwner (
  { owner }: AdminRoute, asked: AdminRequest<unknown, unknown, unknown>, directory: Directory
): Promise<void> {
  const { role, team } = asked.actor
  if (role !== 'team' || owner === undefined) return
  await withFresh(directory, () => {
    if (team === undefined || owner.teamOf(asked, directory) !== team) throw owner.missing()
  })
}
