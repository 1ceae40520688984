import type { ClientKey, KeySettings, Team, TeamSettings } from '../../src/accounts/account.ts'
import type { Principal } from '../../src/accounts/principal.ts'

/** A key of a team, with nothing limited unless the settings say so. */
export function principalOf (team = 'default', { settings = {}, keySettings = {} }: { settings?: TeamSettings, keySettings?: KeySettings } = {}): Principal {
  const document: Team = { id: team, settings, createdMs: 0, revision: 1 }
  const key: ClientKey = { id: 'k', team, digest: 'digest', former: [], settings: keySettings, createdMs: 0, revision: 1 }
  return { team, keyId: key.id, account: { team: document, key } }
}
