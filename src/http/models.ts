import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../core/errors.ts'
import { headerValues } from './headers.ts'
import { mayUseModel } from '../accounts/principal.ts'
import type { AppDeps } from './deps.ts'
import type { Model } from '../core/catalog.ts'

const PREFIXES = ['/v1', '/compatible-mode/v1', '']

/** The list of models in OpenAI's shape, under every prefix its clients use. */
export function addModelRoutes (app: FastifyInstance, deps: AppDeps): void {
  for (const prefix of PREFIXES) {
    app.get(`${prefix}/models`, async (request) => {
      const principal = await deps.authenticateFresh(headerValues(request.headers), request.socket.remoteAddress)
      const models = [...deps.currentCatalog().models.values()].filter((model) => mayUseModel(principal, model.name))
      return { object: 'list', data: models.map(modelObject) }
    })
    app.get<{ Params: { id: string } }>(`${prefix}/models/:id`, async (request) => {
      const principal = await deps.authenticateFresh(headerValues(request.headers), request.socket.remoteAddress)
      const model = deps.currentCatalog().resolve(request.params.id)
      if (model === undefined || !mayUseModel(principal, model.name)) throw new GatewayError('model_not_found', 'The model does not exist or you do not have access to it.')
      return modelObject(model)
    })
  }
}

function modelObject (model: Model): object {
  return {
    id: model.name,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'dashgate',
    context_window: model.contextTokens,
    max_input_tokens: model.inputTokensMax,
    max_output_tokens: model.outputTokensMax
  }
}
