import { matchesModel } from './model-patterns.ts'
import type { ClientKey, Team } from './account.ts'

/** A key and its team as they stand now. */
export interface Account {
  readonly team: Team
  readonly key: ClientKey
}

/** Who is calling and paying. The account is as it was when the request came: later revisions are for later requests. */
export interface Principal {
  readonly team: string
  readonly keyId: string
  readonly account: Account
}

/** Whether the team and the key both allow a model, by the name the gateway has for it. */
export function mayUseModel ({ account: { team, key } }: Pick<Principal, 'account'>, modelName: string): boolean {
  return matchesModel(team.settings.models, modelName) && matchesModel(key.settings.models, modelName)
}
