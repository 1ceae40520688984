import type { KeySettings, TeamSettings } from '../../../src/accounts/account.ts'
import type { Pace } from '../../../src/simulator/pace.ts'
import type { Tokens } from '../../support/fleet/chat.ts'

/** How large a run over one store is. */
export interface Size {
  /** Requests that are to end otherwise than for want of a store; those of the team that is refused are among them. */
  readonly requests: number
  /** Clients that ask at the same time, each one request after the other. */
  readonly clients: number
  readonly pace: Partial<Pace>
  /** How often each kind of disaster comes over the gateways. */
  readonly rounds: number
  /** How long Redis is away, each time. */
  readonly awayMs: number
  /** How often a connection between a gateway and Redis is cut. */
  readonly cutIntervalMs: number
}

/** Pieces are long and few, so that many streams can be open at a time on a small machine. */
const PIECES = { charactersPerChunkMin: 60, charactersPerChunkMax: 120 }

export const SHORT: Size = {
  requests: 400, clients: 40, pace: { ...PIECES, firstTokenDelayMs: 15, chunkIntervalMs: 25 }, rounds: 1, awayMs: 1_500, cutIntervalMs: 300
}
export const FULL: Size = {
  requests: 100_000, clients: 120, pace: { ...PIECES, firstTokenDelayMs: 15, chunkIntervalMs: 25 }, rounds: 8, awayMs: 3_000, cutIntervalMs: 1_000
}

export interface TeamScene {
  readonly id: string
  readonly settings: TeamSettings
  readonly keySettings: KeySettings
  /** How many of all clients are the team's. */
  readonly share: number
  /** Whether anything is held for its requests. */
  readonly isLimited: boolean
}

const PLENTY_TOKENS = 1_000_000_000_000
const PLENTY_CNY = 4_000_000
const PLACES = 10_000
/** Of what the team that is to be refused asks for, so much is allowed: about a third. */
const SMALL_TOKENS_PER_REQUEST = 70

/** Budgets of every unit and scope, and every way to do without the store. All but one are large enough for everything. */
export function teamsOf ({ requests }: Pick<Size, 'requests'>): TeamScene[] {
  const tokens = { id: 'tokens', unit: 'tokens', period: 'total', amount: PLENTY_TOKENS } as const
  const money = { id: 'money', unit: 'CNY', period: 'year', amount: PLENTY_CNY, time_zone: 'Asia/Shanghai' } as const
  return [
    team('by-tokens', 0.2, { concurrent_requests: PLACES, tokens_per_minute: 1_000_000_000, budgets: [tokens] }),
    team('by-money', 0.2, { concurrent_requests: PLACES, requests_per_minute: 1_000_000, budgets: [money] }),
    team('by-model', 0.2, {
      budgets: [tokens, money],
      per_model: [{ id: 'turbo', models: ['*-turbo'], concurrent_requests: PLACES, budgets: [tokens] }]
    }, { concurrent_requests: PLACES, budgets: [tokens, { ...money, models: ['qwen-coder-plus'] }] }),
    team('small', 0.1, { concurrent_requests: PLACES, budgets: [{ ...tokens, amount: Math.ceil(requests * 0.1 * SMALL_TOKENS_PER_REQUEST) }] }),
    team('shadowed', 0.1, { concurrent_requests: PLACES, budgets: [tokens, money], on_store_down: 'shadow' }),
    team('escrowed', 0.1, { concurrent_requests: PLACES, budgets: [tokens], on_store_down: 'escrow' }),
    { ...team('unlimited', 0.1, {}), isLimited: false }
  ]
}

function team (id: string, share: number, settings: TeamSettings, keySettings: KeySettings = {}): TeamScene {
  return { id, share, settings, keySettings, isLimited: true }
}

export const UPSTREAM_KEY = 'sk-what-all-gateways-use-upstream'
/** In the pool beside it, and no longer good. */
const REVOKED_KEY = 'sk-what-the-upstream-has-revoked'

/** Which protocol the first upstream of each model speaks; the other one is tried next. Prices are in 10⁻⁹ yuan. */
export const MODELS = [
  { name: 'qwen-coder-turbo', upstreams: ['native', 'compatible'], inputNanoPer1k: 2_000_000, outputNanoPer1k: 6_000_000 },
  { name: 'qwen-coder-plus', upstreams: ['compatible', 'native'], inputNanoPer1k: 3_500_000, outputNanoPer1k: 7_000_000 }
] as const

/** In 10⁻⁹ yuan. Worked out here from the price list, and not by the gateway's own code. */
export function priceOf ({ inputTokens, outputTokens }: Tokens, modelName: string): number {
  const model = MODELS.find(({ name }) => name === modelName)
  if (model === undefined) throw new Error(`${modelName} has no price`)
  return inputTokens * model.inputNanoPer1k / 1_000 + outputTokens * model.outputNanoPer1k / 1_000
}

/** Upstreams that are silent are given up soon, a store on a busy machine is not, and streams are cut a second after the gateway is told to end. */
export function yamlFor (simulatorUrl: string, gateways: number): string {
  const timeouts = '{ connect: 5s, first_byte: 2s, idle: 2s, total: 8s }'
  const upstream = (name: string, protocol: string, path: string): string =>
    `  - { name: ${name}, protocol: ${protocol}, base_url: "${simulatorUrl}${path}", timeouts: ${timeouts}, ` +
    `keys: [{ key: ${UPSTREAM_KEY}, weight: 9 }, ${REVOKED_KEY}] }`
  const price = (perThousand: number): string => String(perThousand / 1e9)
  return [
    `store: { replicas: ${gateways}, timeout: 400ms }`,
    'server: { shutdown_timeout: 1s }',
    'upstreams:',
    upstream('native', 'dashscope', '/api/v1'),
    upstream('compatible', 'openai', '/compatible-mode/v1'),
    'models:',
    ...MODELS.map(({ name, upstreams, inputNanoPer1k, outputNanoPer1k }) => `  - { name: ${name}, ` +
      `targets: [${upstreams.map((one, place) => `{ upstream: ${one}, priority: ${place} }`).join(', ')}], ` +
      `price: { currency: CNY, input_per_1k: ${price(inputNanoPer1k)}, output_per_1k: ${price(outputNanoPer1k)} } }`)
  ].join('\n')
}
