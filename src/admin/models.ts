import Type from 'typebox'
import { closed, listReply, orNull } from './schemas.ts'
import { defineRoute, READ_OF_OWN_TEAM } from './route.ts'
import type { AdminRoute } from './route.ts'
import type { Model, PriceTier } from '../core/catalog.ts'

const TierSchema = Type.Object({
  input_tokens_max: orNull(Type.Integer({ description: 'Of prompts up to this length; null for the last tier.' })),
  input_cost_nano: Type.Integer({ description: 'Of one token, in 10⁻⁹ of the currency.' }),
  output_cost_nano: Type.Integer()
}, closed)

const ModelSchema = Type.Object({
  name: Type.String(),
  aliases: Type.Array(Type.String()),
  context_tokens: Type.Integer(),
  input_tokens_max: Type.Integer(),
  output_tokens_max: Type.Integer(),
  thinking_tokens_max: Type.Integer(),
  tokenizer: Type.Enum(['qwen', 'estimate']),
  price: orNull(Type.Object({ currency: Type.String(), tiers: Type.Array(TierSchema) }, closed)),
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
  const { price } = model
  return {
    name: model.name,
    aliases,
    context_tokens: model.contextTokens,
    input_tokens_max: model.inputTokensMax,
    output_tokens_max: model.outputTokensMax,
    thinking_tokens_max: model.thinkingTokensMax,
    tokenizer: model.tokenizer,
    price: price === undefined ? null : { currency: price.currency, tiers: price.tiers.map(tierBody) },
    targets: model.targets.map(({ upstream, priority, weight, ...target }) => {
      return { upstream: upstream.name, model: target.model, priority, weight }
    })
  }
}

/** The last tier has no end. */
function tierBody ({ inputTokensMax, inputNanoPerToken, outputNanoPerToken }: PriceTier): object {
  return {
    input_tokens_max: inputTokensMax === Number.MAX_SAFE_INTEGER ? null : inputTokensMax,
    input_cost_nano: inputNanoPerToken,
    output_cost_nano: outputNanoPerToken
  }
}
