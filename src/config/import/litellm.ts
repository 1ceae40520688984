import { parse } from 'yaml'
import { BUILT_IN_MODELS } from '../models.ts'
import { ImportError, Mapping, createWarnings, isMapping } from './source.ts'
import { aliasesFrom, fallbacksFrom, targetsOf, withFallbacks } from './litellm-routing.ts'
import { createSecrets, freeName } from './secrets.ts'
import { deploymentFrom, secretText } from './litellm-deployments.ts'
import { draftText, isName, limitsOf } from './draft.ts'
import type { Deployment, Price } from './litellm-deployments.ts'
import type { DraftModel, DraftUpstream } from './draft.ts'
import type { ImportOptions, Imported } from './imported.ts'
import type { AllFallbacks, Placed } from './litellm-routing.ts'
import type { Secrets } from './secrets.ts'
import type { Warn } from './source.ts'

const ALIASES_MAX = 100

const NOT_IN_FILE = 'virtual keys, teams, users and their budgets are in LiteLLM\'s database and not in this file; ' +
  'dashgate team create and dashgate key create make them anew'

/** What stands for much of LiteLLM's configuration here. */
const HINTS: Readonly<Record<string, string>> = {
  database_url: 'is left out: DashGate keeps what it knows in its data folder, or in Redis with store.redis_url',
  redis_host: 'is left out: store.redis_url, or REDIS_URL, is where DashGate keeps limits and accounts, with nothing evicted',
  redis_url: 'is left out: store.redis_url, or REDIS_URL, is where DashGate keeps limits and accounts, with nothing evicted',
  cache: 'is left out: answers are not cached',
  cache_params: 'is left out: answers are not cached',
  context_window_fallbacks: 'is left out: a prompt that is too long is refused',
  content_policy_fallbacks: 'is left out: what the service refuses is not asked of another model',
  success_callback: 'is left out: usage is in the ledger and the metrics, and prompts are not logged',
  failure_callback: 'is left out: usage is in the ledger and the metrics, and prompts are not logged',
  callbacks: 'is left out: usage is in the ledger and the metrics, and prompts are not logged',
  environment_variables: 'is left out: set what is needed in the environment',
  max_budget: 'is left out: budgets belong to teams and keys'
}

/** Makes a configuration of a LiteLLM proxy's config.yaml. @throws ImportError for a file that is none */
export function importLitellm (text: string, { keepSecrets, source }: ImportOptions): Imported {
  const { warnings, warn } = createWarnings()
  const secrets = createSecrets({ keep: keepSecrets })
  const root = new Mapping(parsed(text), [], warn)
  const [general, router, litellm] = [root.mapping('general_settings'), root.mapping('router_settings'), root.mapping('litellm_settings')]
  const deployments = root.mappings('model_list').flatMap((entry) => deploymentFrom(entry, secrets) ?? [])
  const totalSeconds = litellm.number('request_timeout') ?? router.number('timeout')
  const { upstreams, placed } = upstreamsOf(deployments, { totalSeconds, warn })
  const routing = { fallbacks: fallbacksFrom([router, litellm]), aliases: aliasesFrom(router) }
  const bootstrapKey = bootstrapKeyFrom(general, secrets)
  const models = modelsOf(placed, routing, warn)
  root.finish(HINTS)
  warn([], NOT_IN_FILE)
  const yaml = draftText({ ...(bootstrapKey === undefined ? {} : { bootstrapKey }), upstreams, models }, source)
  return { yaml, warnings, variables: secrets.variables }
}

function parsed (text: string): unknown {
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: ALIASES_MAX })
  } catch (cause) {
    // Some of the parser's messages end in a piece of the file, which may be a key.
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
    throw new ImportError(`It is no YAML: ${reason.replace(/: ".*$/, '')}`)
  }
  if (!isMapping(value) || !Array.isArray(value['model_list'])) throw new ImportError('It has no list model_list, and is no configuration of a LiteLLM proxy.')
  return value
}

const BOOTSTRAP_KEY_CHARACTERS_MIN = 20

/** Clients that send the master key as their own go on with it, but it administers nothing any more. */
function bootstrapKeyFrom (general: Mapping, secrets: Secrets): string | undefined {
  const key = general.text('master_key')
  if (key === undefined) return undefined
  if (key.length < BOOTSTRAP_KEY_CHARACTERS_MIN) {
    general.warn('master_key', `is left out, as it is shorter than the ${BOOTSTRAP_KEY_CHARACTERS_MIN} characters of a client key; the admin token is another one`)
    return undefined
  }
  general.warn('master_key', 'is a client key of the team default from now on; the admin token is another one, made at the first start or set by DASHGATE_ADMIN_TOKEN')
  return secretText(key, 'master_key', general.at('master_key'), secrets)
}

interface PlacedUpstreams { readonly upstreams: DraftUpstream[], readonly placed: Placed[] }
interface UpstreamDeps { readonly totalSeconds: number | undefined, readonly warn: Warn }

/** One upstream for each place and key, because a deployment is sent with its own key alone. */
function upstreamsOf (deployments: readonly Deployment[], deps: UpstreamDeps): PlacedUpstreams {
  const groups = Map.groupBy(deployments, ({ baseUrl, key }) => JSON.stringify([baseUrl, key]))
  const names = new Set<string>()
  const placed = new Map<Deployment, string>()
  const upstreams = [...groups.values()].map((group): DraftUpstream => {
    const [first] = group as [Deployment, ...Deployment[]]
    const name = freeName(first.providerName, (taken) => names.has(taken), '-')
    names.add(name)
    for (const deployment of group) placed.set(deployment, name)
    const total = totalOf(group, deps)
    return {
      name,
      protocol: 'openai',
      base_url: first.baseUrl,
      keys: [first.key],
      ...(total === undefined ? {} : { timeouts: { total } }),
      ...(first.quirks === undefined ? {} : { quirks: first.quirks })
    }
  })
  return { upstreams, placed: deployments.map((deployment) => ({ deployment, upstream: placed.get(deployment) ?? '' })) }
}

const TOTAL_SECONDS_MAX = 5_400

/** The longest of its deployments' timeouts. */
function totalOf (group: readonly Deployment[], { totalSeconds, warn }: UpstreamDeps): string | undefined {
  const seconds = group.flatMap(({ timeoutSeconds }) => timeoutSeconds ?? totalSeconds ?? []).filter((timeout) => timeout > 0)
  if (seconds.length === 0) return undefined
  const longest = Math.ceil(Math.max(...seconds))
  const path = [...group[0]?.path ?? [], 'litellm_params', 'timeout']
  if (new Set(seconds).size > 1) warn(path, 'the longest timeout of the models at the same place, with the same key, holds for all of them')
  if (longest > TOTAL_SECONDS_MAX) warn(path, `is lowered to ${TOTAL_SECONDS_MAX} s`)
  return `${Math.min(longest, TOTAL_SECONDS_MAX)}s`
}

interface Routing { readonly fallbacks: AllFallbacks, readonly aliases: ReadonlyMap<string, readonly string[]> }

function modelsOf (placed: readonly Placed[], routing: Routing, warn: Warn): DraftModel[] {
  const groups = Map.groupBy(placed, ({ deployment }) => deployment.name)
  const targets = new Map([...groups].map(([name, group]) => [name, targetsOf(name, group, warn)]))
  const isTaken = (name: string): boolean => groups.has(name) || BUILT_IN_MODELS.has(name)
  warnOfRouting(routing, { groups, isTaken, warn })
  return [...groups].map(([name, group]): DraftModel => {
    const [{ deployment: { path } }] = group as [Placed, ...Placed[]]
    const own = targets.get(name) ?? []
    const all = withFallbacks(name, targets, routing.fallbacks)
    const known = Object.assign({}, ...group.map(({ deployment }) => deployment.limits).reverse()) as Deployment['limits']
    const aliases = (routing.aliases.get(name) ?? []).filter((alias) => isName(alias) && !isTaken(alias))
    const price = priceOf(name, group, warn)
    if (all.length > own.length) warn(path, `when ${name} falls back on other models, requests are charged at the price of ${name}`)
    return {
      name,
      ...(aliases.length === 0 ? {} : { aliases }),
      targets: all,
      ...limitsOf({ name, targets: own }, known, { path, warn }),
      ...(price === undefined ? {} : { price })
    }
  })
}

/** The dearest, so that no budget is overspent. */
function priceOf (name: string, group: readonly Placed[], warn: Warn): DraftModel['price'] {
  const prices = group.flatMap(({ deployment: { price } }) => price ?? [])
  const [first] = group
  if (prices.length === 0) {
    const path = first?.deployment.path ?? []
    if (!BUILT_IN_MODELS.has(name)) warn(path, `${name} has no price here; without one it is refused under budgets of money`)
    return undefined
  }
  const differ = new Set(prices.map((price) => JSON.stringify(price))).size > 1
  if (differ) warn(first?.deployment.path ?? [], `the dearest price of ${name} holds for all its targets`)
  const cachesCost = prices.some(({ cached }) => cached !== undefined)
  const dearest = (rate: (price: Price) => number): number => Math.max(...prices.map(rate))
  return {
    currency: 'USD',
    input_per_1k: dearest(({ input }) => input),
    output_per_1k: dearest(({ output }) => output),
    ...(cachesCost ? { cached_input_per_1k: dearest(({ input, cached }) => cached ?? input) } : {})
  }
}

interface RoutingDeps {
  readonly groups: ReadonlyMap<string, unknown>
  readonly isTaken: (name: string) => boolean
  readonly warn: Warn
}

function warnOfRouting ({ fallbacks, aliases }: Routing, { groups, isTaken, warn }: RoutingDeps): void {
  const named = [...fallbacks.byModel].flatMap(([name, others]) => [name, ...others]).concat(fallbacks.ofAll)
  for (const name of new Set(named)) if (!groups.has(name)) warn(['router_settings', 'fallbacks'], `there is no model ${name} to fall back on, or from`)
  for (const [model, names] of aliases) {
    const path = ['router_settings', 'model_group_alias']
    if (!groups.has(model)) warn(path, `there is no model ${model} to give another name`)
    for (const alias of names) if (!isName(alias) || isTaken(alias)) warn([...path, alias], 'cannot be an alias, or a model has this name')
  }
}
