import type { TeamSettings } from '../../../src/accounts/account.ts'
import type { Pace } from '../../../src/simulator/pace.ts'
import type { Tokens } from '../../support/fleet/chat.ts'

/** How large a run is. */
export interface Size {
  /** Clients that ask at the same time, each one request after the other. For every four places there are five of them. */
  readonly streams: number
  readonly requestsPerStream: number
  /** What the budgets allow of what is asked for. */
  readonly budgetShare: number
  readonly chunkIntervalMs: number
  /** How often a connection between a gateway and Redis is cut. */
  readonly cutIntervalMs: number
  /** Requests that are under way in a gateway when it is killed. */
  readonly dyingRequests: number
}

export const SHORT: Size = {
  streams: 375, requestsPerStream: 9, budgetShare: 0.4, chunkIntervalMs: 100, cutIntervalMs: 500, dyingRequests: 12
}
export const FULL: Size = {
  streams: 1_260, requestsPerStream: 10, budgetShare: 0.4, chunkIntervalMs: 700, cutIntervalMs: 500, dyingRequests: 30
}

/** A team, and what nobody may go beyond. Money is in 10⁻⁹ yuan. */
export interface TeamScene {
  readonly id: string
  readonly placesMax: number
  readonly tokensMax: number | undefined
  readonly moneyMax: number | undefined
}

/** What a request of the plan comes to on the average: 130 tokens in, 200 out. */
const TOKENS_PER_REQUEST = 330
const NANO_YUAN_PER_REQUEST = 1_600_000
/** Of the streams of a team, so that places are fought for too. */
const PLACES_SHARE = 0.8
const PER_MINUTE = 1_000_000_000
const NANO = 1e9

export function teamsOf ({ streams, requestsPerStream, budgetShare }: Size): TeamScene[] {
  const streamsPerTeam = Math.floor(streams / 3)
  const requests = streamsPerTeam * requestsPerStream * budgetShare
  const placesMax = Math.floor(streamsPerTeam * PLACES_SHARE)
  const tokensMax = Math.round(requests * TOKENS_PER_REQUEST)
  const moneyMax = Math.round(requests * NANO_YUAN_PER_REQUEST)
  return [
    { id: 'by-tokens', placesMax, tokensMax, moneyMax: undefined },
    { id: 'by-money', placesMax, tokensMax: undefined, moneyMax },
    { id: 'by-both', placesMax, tokensMax, moneyMax }
  ]
}

export function settingsOf ({ placesMax, tokensMax, moneyMax }: TeamScene): TeamSettings {
  const budgets: NonNullable<TeamSettings['budgets']> = []
  if (tokensMax !== undefined) budgets.push({ id: 'tokens', unit: 'tokens', period: 'total', amount: tokensMax })
  if (moneyMax !== undefined) budgets.push({ id: 'money', unit: 'CNY', period: 'total', amount: moneyMax / NANO })
  return { concurrent_requests: placesMax, tokens_per_minute: PER_MINUTE, budgets }
}

/** The fields of a team's counters in Redis. */
export const PLACES_FIELD = 'c:t.conc'
export const BUDGETS = [
  { id: 't.b.tokens', unit: 'tokens', maxOf: ({ tokensMax }: TeamScene) => tokensMax },
  { id: 't.b.money', unit: '10⁻⁹ CNY', maxOf: ({ moneyMax }: TeamScene) => moneyMax }
] as const
export const WINDOW = 'total'

/** Which protocol the upstream of each model speaks, and what 1,000 tokens cost in 10⁻⁹ yuan. */
export const MODELS = [
  { name: 'qwen-coder-turbo', upstream: 'native', inputNanoPer1k: 2_000_000, outputNanoPer1k: 6_000_000 },
  { name: 'qwen-coder-plus', upstream: 'compatible', inputNanoPer1k: 3_500_000, outputNanoPer1k: 7_000_000 }
] as const
export type ModelName = typeof MODELS[number]['name']

export function tokensOf ({ inputTokens, outputTokens }: Tokens): number {
  return inputTokens + outputTokens
}

/** In 10⁻⁹ yuan. Worked out here from the price list, and not by the gateway's own code. */
export function priceOf ({ inputTokens, outputTokens }: Tokens, modelName: unknown): number {
  const model = MODELS.find(({ name }) => name === modelName)
  if (model === undefined) throw new Error(`${String(modelName)} has no price`)
  return inputTokens * model.inputNanoPer1k / 1_000 + outputTokens * model.outputNanoPer1k / 1_000
}

/** Pieces are long and few, so that many streams can be open at a time on a small machine. */
export function paceOf ({ chunkIntervalMs }: Size): Partial<Pace> {
  return { chunkIntervalMs, charactersPerChunkMin: 80, charactersPerChunkMax: 160 }
}
