import { PRIORITY_MAX, WEIGHT_MAX } from './draft.ts'
import { isMapping } from './source.ts'
import type { Deployment } from './litellm-deployments.ts'
import type { DraftTarget } from './draft.ts'
import type { Mapping, Warn } from './source.ts'

/** A deployment with its upstream's name. */
export interface Placed { readonly deployment: Deployment, readonly upstream: string }

/** The targets of one model, which its deployments share by weight, those of the lowest order before the others. */
export function targetsOf (name: string, placed: readonly Placed[], warn: Warn): DraftTarget[] {
  const orders = [...new Set(placed.map(({ deployment }) => deployment.order ?? Infinity))].sort((a, b) => a - b)
  const weights = weightsOf(placed.map(({ deployment }) => deployment))
  return placed.map(({ deployment: { model, order, path }, upstream }, index) => {
    const priority = orders.indexOf(order ?? Infinity)
    const weight = weights[index] ?? 1
    if (priority > PRIORITY_MAX) warn([...path, 'litellm_params', 'order'], `only ${PRIORITY_MAX} orders are told apart`)
    return {
      upstream,
      ...(model === name ? {} : { model }),
      ...(priority === 0 ? {} : { priority: Math.min(priority, PRIORITY_MAX) }),
      ...(weight === 1 ? {} : { weight })
    }
  })
}

/** LiteLLM weighs by `weight`, else by `rpm`, else by `tpm`, whichever the first deployment has. */
function weightsOf (deployments: readonly Deployment[]): number[] {
  const [first] = deployments
  const unit = (['weight', 'rpm', 'tpm'] as const).find((name) => first?.weights[name] !== undefined)
  if (unit === undefined) return []
  const shares = deployments.map(({ weights }) => Math.max(weights[unit] ?? 0, 0))
  const areWeights = shares.every((share) => Number.isInteger(share) && share <= WEIGHT_MAX)
  const largest = Math.max(...shares, Number.MIN_VALUE)
  return shares.map((share) => Math.max(1, areWeights ? share : Math.round(share / largest * WEIGHT_MAX)))
}

/** Which models take over from which, in their order. */
export type Fallbacks = ReadonlyMap<string, readonly string[]>

export interface AllFallbacks { readonly byModel: Fallbacks, readonly ofAll: readonly string[] }

/** `fallbacks: [{ a: [b, c] }]` and `default_fallbacks: [d]`, which stand in either section. */
export function fallbacksFrom (sections: readonly Mapping[]): AllFallbacks {
  const byModel = new Map<string, readonly string[]>()
  for (const section of sections) {
    for (const [index, entry] of section.list('fallbacks').entries()) {
      const of = section.child(entry, ['fallbacks', index])
      for (const [name] of of.entries()) byModel.set(name, [...byModel.get(name) ?? [], ...names(of.list(name))])
    }
  }
  return { byModel, ofAll: sections.flatMap((section) => names(section.list('default_fallbacks'))) }
}

function names (list: readonly unknown[]): string[] {
  return list.filter((name) => typeof name === 'string')
}

/** Other names for a model. An alias may also be a mapping with the model in it. */
export function aliasesFrom (router: Mapping): Map<string, string[]> {
  const aliases = new Map<string, string[]>()
  for (const [alias, value] of router.mapping('model_group_alias').entries()) {
    const model = isMapping(value) ? value['model'] : value
    if (typeof model === 'string') aliases.set(model, [...aliases.get(model) ?? [], alias])
  }
  return aliases
}

export type AllTargets = ReadonlyMap<string, readonly DraftTarget[]>

/** A model's own targets, and behind them those of the models that take over from it. */
export function withFallbacks (name: string, targets: AllTargets, all: AllFallbacks): DraftTarget[] {
  const chain = [...all.byModel.get(name) ?? all.ofAll].filter((fallback) => fallback !== name)
  let result = [...targets.get(name) ?? []]
  for (const fallback of chain) {
    const start = Math.max(-1, ...result.map((target) => target.priority ?? 0)) + 1
    const added = (targets.get(fallback) ?? []).map((target) => ({
      ...target, model: target.model ?? fallback, priority: Math.min(start + (target.priority ?? 0), PRIORITY_MAX)
    }))
    result = [...result, ...added]
  }
  return result
}
