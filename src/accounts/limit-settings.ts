import Type from 'typebox'
import type { Static, TObject, TSchemaOptions } from 'typebox'

/** Ids that people choose and that name counters: no separator of ours may be in them. */
export const ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$'
const CURRENCY_OR_TOKENS_PATTERN = '^(tokens|[A-Z]{3})$'
const MODEL_PATTERN = '^[A-Za-z0-9*][A-Za-z0-9._:/@*-]{0,127}$'

/** 2⁵² nano-units are 4.5 million yuan; both stores add such amounts exactly. */
export const BUDGET_UNITS_MAX = 4_503_599
const TOKENS_MAX = 2 ** 52
const PER_MINUTE_MAX = 1_000_000_000
const BUDGETS_MAX = 16
const PER_MODEL_MAX = 32
const PATTERNS_MAX = 64

const closed = { additionalProperties: false }

function modelPatterns (options: TSchemaOptions) {
  return Type.Array(Type.String({ pattern: MODEL_PATTERN }), { ...options, minItems: 1, maxItems: PATTERNS_MAX })
}

const RateSchema = Type.Union([
  Type.Integer({ minimum: 1, maximum: PER_MINUTE_MAX }),
  Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: PER_MINUTE_MAX }),
    burst: Type.Optional(Type.Integer({ description: 'Most that may come at once.', minimum: 1, maximum: PER_MINUTE_MAX })),
    strict: Type.Optional(Type.Boolean({
      description: 'No span of 60 s ever exceeds the limit: what flows back is limit - burst a minute. burst must then be below limit.'
    }))
  }, closed)
], { title: 'Rate' })

const BudgetSchema = Type.Object({
  id: Type.String({ description: 'Its name in answers and counters.', pattern: ID_PATTERN }),
  unit: Type.String({ description: 'tokens, or the ISO 4217 code of a currency.', pattern: CURRENCY_OR_TOKENS_PATTERN }),
  period: Type.Enum(['hour', 'day', 'week', 'month', 'year', 'total'], { description: 'Weeks begin on Monday. total never begins anew.' }),
  amount: Type.Number({ description: 'Whole tokens, or money with up to nine decimals.', minimum: 0, maximum: TOKENS_MAX }),
  time_zone: Type.Optional(Type.String({ description: 'IANA name of the zone whose calendar counts. Default: UTC.', maxLength: 64 })),
  expires_at: Type.Optional(Type.String({ description: 'ISO 8601 time after which nothing of it is left.', maxLength: 64 })),
  alert_at: Type.Optional(Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), { description: 'Shares at which to alert.', maxItems: 8 })),
  models: Type.Optional(modelPatterns({ description: 'The models it is for; * stands for any characters. Default: all.' }))
}, { ...closed, title: 'Budget' })

const limitMembers = {
  requests_per_minute: Type.Optional(RateSchema),
  tokens_per_minute: Type.Optional(RateSchema),
  concurrent_requests: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  budgets: Type.Optional(Type.Array(BudgetSchema, { maxItems: BUDGETS_MAX }))
}

/** Limits for some models only: they share them, and they count beside the limits for all. */
const PerModelSchema = Type.Object({
  id: Type.String({ pattern: ID_PATTERN }),
  models: modelPatterns({ description: 'The models that share these limits.' }),
  ...limitMembers
}, { ...closed, title: 'PerModelLimits' })

/** What teams and keys may both set. Everything that is set must allow a request. */
export const limitSettings = {
  ...limitMembers,
  per_model: Type.Optional(Type.Array(PerModelSchema, { maxItems: PER_MODEL_MAX })),
  models: Type.Optional(modelPatterns({ description: 'The models that may be used. Default: all.' })),
  allowed_ips: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), {
    description: 'Addresses and networks, such as 10.0.0.0/8, that requests may come from. Default: all.', minItems: 1, maxItems: 256
  }))
}

export type LimitSettings = Static<TObject<typeof limitSettings>>
export type RateSetting = NonNullable<LimitSettings['requests_per_minute']>
export type BudgetSetting = NonNullable<LimitSettings['budgets']>[number]
export type PerModelSettings = NonNullable<LimitSettings['per_model']>[number]
