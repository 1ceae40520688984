import { UPSTREAM_PATHS } from '../../support/fleet/chat.ts'
import { BUDGETS, priceOf, tokensOf } from './scene.ts'
import type { Redis } from 'ioredis'
import type { Connections } from './client.ts'
import type { Send } from './load.ts'
import type { TeamScene } from './scene.ts'

export interface CheckThenAct {
  readonly send: Send
  /** What was spent of each budget, by the limiter's own count, and of how much. */
  spent (): Promise<Spent[]>
}

export interface Spent { readonly budget: string, readonly spent: number, readonly max: number }

export interface CheckThenActDeps {
  readonly redis: Redis
  readonly connections: Connections
  readonly simulatorUrl: string
  readonly teams: readonly TeamScene[]
}

const NAIVE_UPSTREAM_KEY = 'sk-what-the-check-then-act-limiter-uses-upstream'

/**
 * What gateways without reservations do: look at what is spent, let the request through if that is below the budget, and add
 * what it used when it has ended. Places are counted exactly, so that as many requests are under way as with ours.
 */
export function createCheckThenAct ({ redis, connections, simulatorUrl, teams }: CheckThenActDeps): CheckThenAct {
  const places = new Map<TeamScene, number>()
  const upstream = { url: simulatorUrl, key: NAIVE_UPSTREAM_KEY, paths: UPSTREAM_PATHS }
  const spentOf = async ({ id }: TeamScene): Promise<number[]> => {
    return (await redis.hmget(`naive:${id}`, ...BUDGETS.map((budget) => budget.id))).map(Number)
  }
  return {
    async send (asked, { team }) {
      const taken = places.get(team) ?? 0
      if (taken >= team.placesMax) return { status: 'no_place', requestId: undefined, used: undefined, servedBy: undefined }
      places.set(team, taken + 1)
      try {
        const spent = await spentOf(team)
        if (BUDGETS.some(({ maxOf }, place) => (spent[place] ?? 0) >= (maxOf(team) ?? Infinity))) {
          return { status: 'no_budget', requestId: undefined, used: undefined, servedBy: undefined }
        }
        const outcome = await connections.ask({ ...asked, includesUsage: true }, upstream)
        if (outcome.used === undefined) throw new Error('an answer without usage cannot be counted')
        await redis.hincrby(`naive:${team.id}`, 't.b.tokens', tokensOf(outcome.used))
        await redis.hincrby(`naive:${team.id}`, 't.b.money', priceOf(outcome.used, asked.model))
        return { ...outcome, servedBy: undefined }
      } finally {
        places.set(team, (places.get(team) ?? 1) - 1)
      }
    },
    async spent () {
      const all: Spent[] = []
      for (const team of teams) {
        const spent = await spentOf(team)
        for (const [place, { unit, maxOf }] of BUDGETS.entries()) {
          const max = maxOf(team)
          if (max !== undefined) all.push({ budget: `${team.id}: ${unit}`, spent: spent[place] ?? 0, max })
        }
      }
      return all
    }
  }
}
