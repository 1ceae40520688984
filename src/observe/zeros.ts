import { ERROR_KINDS } from '../core/errors.ts'
import { providerOf, CHAT } from './gen-ai-names.ts'
import type { Catalog, Model, Target } from '../core/catalog.ts'
import type { Instruments } from './instruments.ts'

const LIMITS = [['rate', 'requests'], ['rate', 'tokens'], ['concurrency', 'requests'], ['budget', 'tokens']] as const
const SCOPES = ['team', 'key', 'team_model', 'key_model'] as const

/** A series that is not there has no rate, and its first count is never seen as an increase: closed sets begin with 0. */
export function startAtZero (instruments: Instruments): void {
  for (const error of Object.keys(ERROR_KINDS)) instruments.refused.inc({ error }, 0)
  for (const scope of SCOPES) for (const [kind, unit] of LIMITS) instruments.limitRefusals.inc({ scope, kind, unit }, 0)
  for (const operation of ['reserve', 'settle']) instruments.storeRepeated.inc({ operation }, 0)
  for (const operation of ['reserve', 'settle', 'renew', 'hold']) instruments.storeErrors.inc({ operation, code: 'timeout' }, 0)
  for (const reason of ['old', 'refused', 'overflow']) instruments.settlementsLost.inc({ reason }, 0)
  for (const result of ['applied', 'kept']) instruments.reloads.inc({ result }, 0)
  for (const result of ['exported', 'lost']) instruments.spans.inc({ result }, 0)
  for (const state of ['closed', 'open', 'half_open']) instruments.storeBreaker.set({ state }, 0)
  for (const gauge of [instruments.storeSound, instruments.spoolHealthy, instruments.reloadOk]) gauge.set(1)
}

/** The same for what a catalog names. */
export function startCatalogAtZero (instruments: Instruments, { models }: Catalog): void {
  for (const model of models.values()) {
    for (const target of model.targets) startTarget(instruments, model, target)
    for (const direction of ['input', 'cached', 'output', 'reasoning']) {
      for (const source of ['reported', 'estimated']) instruments.tokens.inc({ model: model.name, direction, source }, 0)
    }
  }
}

function startTarget (instruments: Instruments, { name: model, prices }: Model, { upstream }: Target): void {
  instruments.attempts.inc({ upstream: upstream.name, error: 'none' }, 0)
  for (const { currency } of prices) instruments.cost.inc({ model, upstream: upstream.name, currency }, 0)
  const common = { gen_ai_operation_name: CHAT, gen_ai_provider_name: providerOf(upstream), gen_ai_request_model: model }
  const usage = { ...common, gen_ai_token_modality: 'text' }
  instruments.genAiInput.inc(usage, 0)
  instruments.genAiOutput.inc(usage, 0)
}
