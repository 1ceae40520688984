import type { AdminIdentity } from '../../src/accounts/admin-token.ts'

/** Tokens that say who has them: `admin`, `viewer`, `lead-of-<team>`. */
export function readers (token: string): AdminIdentity | undefined {
  if (token === 'admin' || token === 'viewer') return { id: token, role: token, team: undefined }
  const team = /^lead-of-(.+)$/.exec(token)?.[1]
  return team === undefined ? undefined : { id: 'lead', role: 'team', team }
}
