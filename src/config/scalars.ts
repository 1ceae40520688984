import Type from 'typebox'
import { exactUnits } from '../core/money.ts'
import { instantMs } from '../core/instant.ts'
import type { TSchemaOptions } from 'typebox'

const UNIT_MS: ReadonlyMap<string, number> = new Map([['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000]])
export const DURATION_PATTERN = '^([1-9][0-9]{0,8})(ms|s|m|h)$'

const DURATION = new RegExp(DURATION_PATTERN)
const DURATION_MS_MAX = 24 * 3_600_000
const PRICE = /^\d{1,6}(?:\.\d{1,6})?$/
const PER_1K_DECIMALS = 6
const PER_1M_DECIMALS = 3

/** Options every setting must bring: the reference page is made of the descriptions. */
export type Described = TSchemaOptions & { readonly description: string }

/** `5s`, `500ms`, `10m`, `2h`: a whole number and its unit. */
export function durationOf (options: Described) {
  return Type.Refine(
    Type.String({ ...options, pattern: DURATION_PATTERN }),
    (text) => !DURATION.test(text) || durationMs(text) <= DURATION_MS_MAX,
    () => 'must be at most 24h'
  )
}

/** Milliseconds of a duration that the schema has let through. */
export function durationMs (text: string): number {
  const [, amount, unit = ''] = DURATION.exec(text) ?? []
  const unitMs = UNIT_MS.get(unit)
  if (unitMs === undefined) throw new TypeError(`not a duration: ${text}`)
  return Number(amount) * unitMs
}

/** A base URL. The refusals never repeat the value, which may hold a password. */
export function baseUrlOf (options: Described) {
  return Type.Refine(Type.String(options), (text) => baseUrlFault(text) === undefined, (text) => baseUrlFault(text) ?? '')
}

function baseUrlFault (text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://dashscope.aliyuncs.com/api/v1'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must start with http:// or https://'
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password; put the key under keys'
  if (text.includes('?') || text.includes('#')) return 'must hold no query and no fragment'
  return undefined
}

/** An amount of money per 1,000 tokens, which must come out whole in nano-units per token. */
export function priceOf (options: Described) {
  return Type.Refine(
    Type.Number({ ...options, minimum: 0 }),
    (amount) => amount < 0 || PRICE.test(String(amount)),
    () => `must be below 1000000 and have at most ${PER_1K_DECIMALS} decimals, so that the price of one token is exact`
  )
}

/** A moment with its offset, so that it means the same wherever the gateway runs. */
export function instantOf (options: Described) {
  return Type.Refine(
    Type.String(options),
    (text) => instantMs(text) !== undefined,
    () => 'must be a time with its offset, such as 2026-04-01T00:00:00+08:00'
  )
}

/**
 * 0.002 per 1,000 tokens is 2,000 nano-units per token.
 * @throws RangeError where the price of one token is no whole number of nano-units
 */
export function nanoPerToken (amount: number, perTokens: 1_000 | 1_000_000): number {
  return exactUnits(amount, perTokens === 1_000 ? PER_1K_DECIMALS : PER_1M_DECIMALS)
}
