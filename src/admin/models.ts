import Type from 'typebox'
import { closed, listReply, orNull } from './schemas.ts'
import { defineRoute, READ_OF_OWN_TEAM } from './route.ts'
import type { AdminRoute } from './route.ts'
import type { DatedPrice, Model, PriceTier } from '../core/catalog.ts'

const TierSchema = Type.Object({
  input_tokens_max: orNull(Type.Integer({ description: 'Of prompts up to this length; null for the last tier.' })),
  input_cost_nano: Type.Integer({ description: 'Of one token, in 10⁻⁹ of the currency.' }),
  cached_input_cost_nano: Type.Integer({ description: 'Of one that the upstream took from its cache.' }),
  output_cost_nano: Type.Integer(),
  reasoning_output_cost_nano: Type.Integer({ description: 'Of one in an answer with a chain of thought.' })
}, closed)

const PriceSchema = Type.Object({
  from: orNull(Type.String({ description: 'Since when it holds; null for what held before all others.' })),
  currency: Type.String(),
  tiers: Type.Array(TierSchema)
}, closed)

const ModelSchema = Type.Object({
  name: Type.String(),
  aliases: Type.Array(Type.String()),
  context_tokens: Type.Integer(),
  input_tokens_max: Type.Integer(),
  output_tokens_max: Type.Integer(),
  thinking_tokens_max: Type.Integer(),
  tokenizer: Type.Enum(['qwen', 'estimate']),
  prices: Type.Array(PriceSchema, { description: 'In order of time; none for a model without a price.' }),
  targets: Type.Array(Type.Object({
    upstream: Type.String(), model: Type.String(), priority: Type.Integer(), weight: Type.Integer()
  }, closed))
}, { ...closed, title: 'Model' })

export const MODEL_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/models',
    operationId: 'listModels',
    summary: 'All models that are served, by name, with their limits, prices and targets.',
    access: READ_OF_OWN_TEAM,
    reply: listReply(ModelSchema),
    handler (_request, { currentCatalog, configuration }) {
      const models = [...currentCatalog().models.values()].sort((a, b) => a.name < b.name ? -1 : 1)
      return { data: models.map((model) => modelBody(model, configuration.aliasesOf(model.name))) }
    }
  })
]

function modelBody (model: Model, aliases: readonly string[]): object {
  return {
    name: model.name,
    aliases,
    context_tokens: model.contextTokens,
    input_tokens_max: model.inputTokensMax,
    output_tokens_max: model.outputTokensMax,
    thinking_tokens_max: model.thinkingTokensMax,
    tokenizer: model.tokenizer,
    prices: model.prices.map(priceBody),
    targets: model.targets.map(({ upstream, priority, weight, ...target }) => {
      return { upstream: upstream.name, model: target.model, priority, weight }
    })
  }
}

function priceBody ({ fromMs, currency, tiers }: DatedPrice): object {
  return { from: fromMs === 0 ? null : new Date(fromMs).toISOString(), currency, tiers: tiers.map(tierBody) }
}

/** The last tier has no end. */
function tierBody ({ inputTokensMax, inputNanoPerToken, outputNanoPerToken, ...partial }: PriceTier): object {
  return {
    input_tokens_max: inputTokensMax === Number.MAX_SAFE_INTEGER ? null : inputTokensMax,
    input_cost_nano: inputNanoPerToken,
    cached_input_cost_nano: partial.cachedInputNanoPerToken,
    output_cost_nano: outputNanoPerToken,
    reasoning_output_cost_nano: partial.reasoningOutputNanoPerToken
  }
}
