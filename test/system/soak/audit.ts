import { auditRequest, exchangesOf } from './audit-requests.ts'
import { auditSums, sum, tokensOf } from './audit-sums.ts'
import { compare } from './audit-upstream.ts'
import type { Books } from './books.ts'
import type { Class, Compared } from './audit-upstream.ts'
import type { Sums } from './audit-sums.ts'
import type { TeamScene } from './scene.ts'
import type { Witnesses } from './audit-requests.ts'

export interface Audit {
  /** What is wrong, in words. */
  readonly faults: readonly string[]
  readonly sums: readonly Sums[]
  readonly classes: ReadonlyMap<Class, ClassSums>
  readonly outcomes: ReadonlyMap<string, number>
  /** Streams of which their clients had a part when they left, or when the gateway ended: what may differ a little. */
  readonly left: ClassSums
  /** Requests that went with their gateway, of teams for which nothing is held. */
  readonly unrecorded: number
}

export interface ClassSums {
  readonly records: number
  readonly tokens: number
  /** Of the same requests, by the upstream. */
  readonly upstreamTokens: number
}

/** Streams that their clients left may be charged so much less or more, in all. Of a few, one piece would be more than that. */
const LEFT_SHARE_MAX = 0.02
const LEFT_MIN = 100

/** Compares the books of all teams with what the upstream and the clients know. */
export function audit (teams: readonly TeamScene[], books: readonly Books[], witnesses: Witnesses): Audit {
  const faults: string[] = []
  const compared: Compared[] = []
  const sums: Sums[] = []
  let unrecorded = 0
  for (const [place, team] of teams.entries()) {
    const ofTeam = books[place]
    if (ofTeam === undefined) throw new Error(`${team.id} has no books`)
    faults.push(...ofTeam.misplaced.map((cursor) => `${cursor} is listed out of its order`))
    for (const exchange of exchangesOf(ofTeam.records, team.id, witnesses, faults)) {
      auditRequest(exchange, witnesses, faults)
      compared.push(...compare(exchange, witnesses, faults))
      if (!team.isLimited && exchange.records.length === 0 && witnesses.killed.has(exchange.sending.servedBy)) unrecorded++
    }
    sums.push(auditSums(team, ofTeam, faults))
  }
  for (const [marker] of witnesses.seen) if (!witnesses.sendings.has(marker)) faults.push(`nobody asked for ${marker}`)
  const left = sumsOf(compared.filter(({ class: kind, sending, record }) => sending.receivedTokens > 0 && record.outcome === 'client_closed' && kind.endsWith('so far')))
  if (left.records >= LEFT_MIN && Math.abs(left.tokens - left.upstreamTokens) > LEFT_SHARE_MAX * left.upstreamTokens) {
    faults.push(`streams that were left are charged ${left.tokens} tokens, and were ${left.upstreamTokens} to the upstream`)
  }
  return {
    faults,
    sums,
    classes: new Map([...Map.groupBy(compared, (one) => one.class)].map(([kind, all]) => [kind, sumsOf(all)])),
    outcomes: countBy(compared.map(({ record }) => record.superseded ? 'superseded' : record.outcome)),
    left,
    unrecorded
  }
}

function sumsOf (compared: readonly Compared[]): ClassSums {
  return {
    records: compared.length,
    tokens: sum(compared.map(({ record }) => tokensOf(record.usage))),
    upstreamTokens: sum(compared.map(({ seen }) => seen === undefined ? 0 : tokensOf(seen.charge)))
  }
}

export function countBy<Key> (keys: Iterable<Key>): Map<Key, number> {
  const counts = new Map<Key, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
