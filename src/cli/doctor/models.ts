import { counted, findingsFor } from './finding.ts'
import type { Catalog } from '../../core/catalog.ts'
import type { Config } from '../../config/schema.ts'
import type { Finding } from './finding.ts'

export interface PriceAge {
  /** The day the built-in prices are of. */
  readonly catalogDate: string
  readonly nowMs: number
  readonly daysMax: number
}

const DAY_MS = 86_400_000
const NAMES_SHOWN_MAX = 8

/** Whether what is served has a price, and one of these days. */
export function checkModels (config: Config, catalog: Catalog, age: PriceAge): readonly Finding[] {
  const { ok, warn } = findingsFor('models')
  const models = [...catalog.models.values()]
  if (models.length === 0) return [warn('no model is served', 'Give an upstream builtin_models, or name models with their targets.')]
  const unpriced = models.filter((model) => model.prices.length === 0).map((model) => model.name)
  const priced = new Set(config.models.filter((model) => model.price !== undefined).map((model) => model.name))
  const builtIn = models.filter((model) => model.prices.length > 0 && !priced.has(model.name)).length
  return [
    ok(`${counted(models.length, 'model')} served`),
    ...(unpriced.length === 0 ? [] : [unpricedFinding(unpriced, config.policies.unpriced_model)]),
    ...(builtIn === 0 ? [] : [ageFinding(builtIn, age)])
  ]
}

function unpricedFinding (names: readonly string[], policy: Config['policies']['unpriced_model']): Finding {
  const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : ''
  const outcome = policy === 'reject' ? 'are refused under budgets of money' : 'pass budgets of money uncharged'
  return findingsFor('models').warn(`models without a price ${outcome}: ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}`, 'Set models[].price.')
}

function ageFinding (count: number, { catalogDate, nowMs, daysMax }: PriceAge): Finding {
  const { ok, warn } = findingsFor('models')
  const days = Math.floor((nowMs - Date.parse(catalogDate)) / DAY_MS)
  const text = `${counted(count, 'price')} built in, as of ${catalogDate}`
  return days > daysMax ? warn(`${text}: ${days} days old`, 'Compare them with the vendor\'s price list, and set models[].price where they differ.') : ok(text)
}
