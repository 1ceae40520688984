import { adminCall } from './fleet.ts'
import { until } from './patience.ts'
import type { Fleet } from './fleet.ts'
import type { KeySettings, TeamSettings } from '../../../src/accounts/account.ts'

/** A team to be made, with its members: each has a key, by which it is seen in the books whose request it was. */
export interface NewTeam<Member> {
  readonly id: string
  readonly settings: TeamSettings
  readonly members: readonly Member[]
}

export interface Accounts<Member> {
  secretOf (member: Member): string
  memberOfKey (keyId: string): Member | undefined
}

const KNOWN_TIMEOUT_MS = 10_000

/** Resolves when every gateway knows all of them. */
export async function openAccounts<Member extends { readonly name: string }> (
  { seats }: Fleet, teams: readonly NewTeam<Member>[], settingsOf: (member: Member) => KeySettings = () => ({})
): Promise<Accounts<Member>> {
  const [seat] = seats
  if (seat === undefined) throw new Error('there is no gateway')
  const secrets = new Map<Member, string>()
  const owners = new Map<string, Member>()
  await Promise.all(teams.map(async ({ id: team, settings, members }) => {
    await adminCall(seat, '/teams', { id: team, ...settings })
    for (const member of members) {
      const { id, secret } = await adminCall<{ id: string, secret: string }>(seat, `/teams/${team}/keys`, { name: member.name, ...settingsOf(member) })
      secrets.set(member, secret)
      owners.set(id, member)
    }
  }))
  const secretOf = (member: Member): string => secrets.get(member) ?? ''
  for (const { url } of seats) {
    for (const { members } of teams) {
      const last = members.at(-1)
      if (last === undefined) continue
      await until('the gateway knows all keys', KNOWN_TIMEOUT_MS, async () => {
        return (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secretOf(last)}` } })).ok
      })
    }
  }
  return { secretOf, memberOfKey: (keyId) => owners.get(keyId) }
}
