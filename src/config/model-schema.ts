import Type from 'typebox'
import { NAME_PATTERN, QuirksSchema } from './upstream-schema.ts'
import { instantOf, priceOf } from './scalars.ts'

export const CURRENCY_PATTERN = '^[A-Z]{3}$'

const TOKENS_MAX = 100_000_000

const closed = { additionalProperties: false }

const tokens = { minimum: 1, maximum: TOKENS_MAX }

const TargetSchema = Type.Object({
  upstream: Type.String({ description: 'Name of an upstream.' }),
  model: Type.Optional(Type.String({ description: 'The model\'s name there. Default: the same name.', pattern: NAME_PATTERN })),
  priority: Type.Integer({ description: 'Targets of the lowest number are tried first.', minimum: 0, maximum: 100, default: 0 }),
  weight: Type.Integer({ description: 'Share of the requests among targets of the same priority.', minimum: 1, maximum: 1_000, default: 1 })
}, closed)

const partialRates = {
  cached_input_per_1k: Type.Optional(priceOf({
    description: 'Price of 1,000 of those input tokens that the upstream reports as taken from its cache. Default: that of the others.'
  })),
  reasoning_output_per_1k: Type.Optional(priceOf({
    description: 'Price of 1,000 output tokens of an answer with a chain of thought: of all of them, the chain\'s and the answer\'s, as the vendor bills. Default: that of other answers.'
  }))
}

const TierSchema = Type.Object({
  input_tokens_max: Type.Optional(Type.Integer({
    description: 'Longest prompt this tier is for, in tokens. Left out in the last tier, which has no end.', ...tokens
  })),
  input_per_1k: priceOf({ description: 'Price of 1,000 input tokens.' }),
  output_per_1k: priceOf({ description: 'Price of 1,000 output tokens.' }),
  ...partialRates
}, closed)

const priceMembers = {
  currency: Type.String({ description: 'ISO 4217 code.', pattern: CURRENCY_PATTERN }),
  input_per_1k: Type.Optional(priceOf({ description: 'Price of 1,000 input tokens, where it is the same for all prompts.' })),
  output_per_1k: Type.Optional(priceOf({ description: 'Price of 1,000 output tokens, where it is the same for all prompts.' })),
  ...partialRates,
  tiers: Type.Optional(Type.Array(TierSchema, {
    description: 'Prices by the length of the prompt, ascending; the tier of the whole prompt holds for all its tokens.', minItems: 1, maxItems: 16
  }))
}

const PriceSchema = Type.Object(priceMembers, { ...closed, description: 'Either input_per_1k and output_per_1k, or tiers.' })

const DatedPriceSchema = Type.Object({
  from: Type.Optional(instantOf({
    description: 'Since when it holds, such as 2026-04-01T00:00:00+08:00: for requests that come at this time or later, until the next price\'s. The first price needs none. Where it has one, the built-in price holds before it.'
  })),
  ...priceMembers
}, closed)

const NativeDefaultsSchema = Type.Object({
  result_format: Type.Optional(Type.Enum(['text', 'message'], { description: 'Shape of the answer where the request names none.' })),
  incremental_output: Type.Optional(Type.Boolean({
    description: 'Whether a stream that leaves it open carries only what is new in each event.'
  }))
}, { ...closed, description: 'What DashScope clients get where their request leaves it open. Default: by the name\'s family.' })

/** One entry of `models`. A built-in model's entry may leave out whatever it does not change. */
export const ModelSchema = Type.Object({
  name: Type.String({ description: 'The name clients use. A built-in model of this name is changed, else a model is added.', pattern: NAME_PATTERN }),
  aliases: Type.Optional(Type.Array(Type.String({ pattern: NAME_PATTERN }), {
    description: 'Further names for the same model.', maxItems: 64
  })),
  targets: Type.Optional(Type.Array(TargetSchema, {
    description: 'Where the model is served. Default: under the same name by every upstream that has builtin_models.', minItems: 1, maxItems: 64
  })),
  context_tokens: Type.Optional(Type.Integer({ description: 'Longest prompt and answer together, in tokens.', ...tokens })),
  input_tokens_max: Type.Optional(Type.Integer({ description: 'Longest prompt, in tokens. Default: context_tokens.', ...tokens })),
  output_tokens_max: Type.Optional(Type.Integer({ description: 'Longest answer, in tokens.', ...tokens })),
  thinking_tokens_max: Type.Optional(Type.Integer({
    description: 'Longest chain of thought, in tokens, beside output_tokens_max; 0: the model does not think. Default: by the name\'s family.', minimum: 0, maximum: TOKENS_MAX
  })),
  tokenizer: Type.Optional(Type.Enum(['qwen', 'estimate'], {
    description: 'qwen counts exactly as Qwen up to 3 does, and holds prompts to input_tokens_max before the call; with estimate the upstream does. Default: by the name\'s family.'
  })),
  price: Type.Optional(Type.Union([PriceSchema, Type.Array(DatedPriceSchema, { minItems: 1, maxItems: 64 })], {
    description: 'One price, or several in the order in which they come into force; each has either input_per_1k and output_per_1k, or tiers. A request is charged at the price that was in force when it came. A model without a price is unpriced.'
  })),
  native_service: Type.Optional(Type.Enum(['text-generation', 'multimodal-generation'], {
    description: 'Which of DashScope\'s two services the model is served by. Default: by the name\'s family.'
  })),
  native_defaults: Type.Optional(NativeDefaultsSchema),
  quirks: Type.Optional(QuirksSchema)
}, closed)
