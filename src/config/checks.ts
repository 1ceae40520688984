import { BUILT_IN_MODELS } from './models.ts'
import { durationMs } from './scalars.ts'
import { instantMs } from '../core/instant.ts'
import { weaknessOf } from '../core/secret-strength.ts'
import type { Config, DatedPriceConfig, ModelConfig } from './schema.ts'
import type { Path } from './problems.ts'
import type { Fault } from './validation.ts'

type Report = (path: Path, message: string) => void

/** Name of the upstream that stands in where none is configured. */
export const SIMULATOR_UPSTREAM = 'simulator'

/**
 * What no schema can say: names that must differ or exist, and numbers that must fit each other. Entries the schema has
 * refused are left out, so that one mistake is not told twice.
 */
export function crossCheck (config: Config, faults: readonly Fault[]): Fault[] {
  const found: Fault[] = []
  const report: Report = (path, message) => found.push({ path, message, at: 'value' })
  if (faults.some((fault) => fault.path.length === 0)) return found
  const isSound = (...path: Path) => !faults.some((fault) => path.every((step, index) => fault.path[index] === step))
  if (isSound('store')) checkRedisUrl(config.store.redis_url, report)
  if (isSound('store') && isSound('secrets')) checkSharedSecret(config, report)
  if (isSound('secrets')) checkSecrets(config, report)
  if (isSound('server') && isSound('admin')) checkListeners(config, report)
  const isWhole = (section: string) => !faults.some(({ path }) => path.length === 1 && path[0] === section)
  if (!isWhole('upstreams') || !isWhole('models')) return found
  checkUpstreams(config, report)
  for (const [index, upstream] of config.upstreams.entries()) {
    if (isSound('upstreams', index)) checkTotalTimeout(upstream, ['upstreams', index], report)
  }
  const models = config.models.flatMap((model, index) => isSound('models', index) ? [{ model, index }] : [])
  checkNames(models, report)
  for (const { model, index } of models) checkModel(model, ['models', index], config, report)
  return found
}

const REDIS_URL = /^(?:rediss?|redis\+sentinel|redis\+cluster):\/\/./

/** The value itself may hold a password and is not repeated. */
function checkRedisUrl (redisUrl: string, report: Report): void {
  if (redisUrl === '' || REDIS_URL.test(redisUrl)) return
  report(['store', 'redis_url'], 'must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://')
}

function checkSharedSecret ({ store, secrets }: Config, report: Report): void {
  if (store.redis_url === '' || secrets.master_secret !== undefined) return
  report(['secrets', 'master_secret'], 'is required with Redis, and the same on every replica (DASHGATE_SECRET)')
}

function checkSecrets ({ secrets }: Config, report: Report): void {
  const weakness = secrets.admin_token === undefined ? undefined : weaknessOf(secrets.admin_token)
  if (weakness !== undefined) report(['secrets', 'admin_token'], weakness)
  if (secrets.previous_master_secret === undefined) return
  if (secrets.master_secret === undefined) report(['secrets', 'previous_master_secret'], 'stands beside no master_secret that takes its place (DASHGATE_SECRET)')
  if (secrets.master_secret === secrets.previous_master_secret) report(['secrets', 'previous_master_secret'], 'is the same as master_secret')
}

function checkListeners ({ server, admin }: Config, report: Report): void {
  if (server.port !== 0 && server.port === admin.port && server.host === admin.host) {
    report(['admin', 'port'], 'must differ from the port of the inference listener')
  }
}

/** What is held for an answer is remembered for two hours; one that ends later could not be settled. */
const TOTAL_TIMEOUT_MS_MAX = 90 * 60_000

function checkTotalTimeout (upstream: Config['upstreams'][number], path: Path, report: Report): void {
  if (durationMs(upstream.timeouts.total) > TOTAL_TIMEOUT_MS_MAX) report([...path, 'timeouts', 'total'], 'must be at most 90m')
}

function checkUpstreams ({ upstreams }: Config, report: Report): void {
  const seen = new Set<unknown>()
  for (const [index, upstream] of upstreams.entries()) {
    const name: unknown = (upstream as { name?: unknown } | null)?.name
    if (name !== undefined && seen.has(name)) report(['upstreams', index, 'name'], 'another upstream has this name')
    seen.add(name)
  }
}

interface PlacedModel { readonly model: ModelConfig, readonly index: number }

function checkNames (models: readonly PlacedModel[], report: Report): void {
  const names = new Set<string>()
  for (const { model, index } of models) {
    if (names.has(model.name)) report(['models', index, 'name'], 'another model has this name')
    names.add(model.name)
  }
  const aliases = new Set<string>()
  for (const { model, index } of models) {
    for (const [place, alias] of (model.aliases ?? []).entries()) {
      const path = ['models', index, 'aliases', place]
      if (names.has(alias) || BUILT_IN_MODELS.has(alias)) report(path, 'a model has this name')
      else if (aliases.has(alias)) report(path, 'another alias has this name')
      aliases.add(alias)
    }
  }
}

function checkModel (model: ModelConfig, path: Path, config: Config, report: Report): void {
  const builtIn = BUILT_IN_MODELS.get(model.name)
  for (const name of ['context_tokens', 'output_tokens_max'] as const) {
    if (model[name] === undefined && builtIn === undefined) report([...path, name], 'is required for a model that is not built in')
  }
  const contextTokens = model.context_tokens ?? builtIn?.contextTokens
  const limits = {
    input_tokens_max: model.input_tokens_max ?? builtIn?.inputTokensMax,
    output_tokens_max: model.output_tokens_max ?? builtIn?.outputTokensMax
  }
  for (const [name, tokens] of Object.entries(limits)) {
    if (contextTokens !== undefined && tokens !== undefined && tokens > contextTokens) {
      report([...path, name], `${tokens} tokens are more than the context of ${contextTokens}`)
    }
  }
  checkTargets(model, path, config, report)
  if (model.price !== undefined) checkPrices(model.price, [...path, 'price'], { isBuiltIn: builtIn !== undefined, report })
}

function checkTargets (model: ModelConfig, path: Path, { upstreams }: Config, report: Report): void {
  const known = upstreams.length === 0 ? [SIMULATOR_UPSTREAM] : upstreams.map((upstream) => upstream?.name).filter((name) => typeof name === 'string')
  for (const [place, target] of (model.targets ?? []).entries()) {
    if (!known.includes(target.upstream)) report([...path, 'targets', place, 'upstream'], `there is no such upstream; there is ${known.join(', ')}`)
  }
  const isServed = upstreams.length === 0 || upstreams.some((upstream) => upstream?.builtin_models ?? upstream?.protocol === 'dashscope')
  if (model.targets === undefined && !isServed) report([...path, 'targets'], 'is required, as no upstream has builtin_models')
}

function checkPrices (price: NonNullable<ModelConfig['price']>, path: Path, { isBuiltIn, report }: PriceChecks): void {
  if ('currency' in price) return checkPrice(price, path, report)
  let previousMs = -Infinity
  for (const [place, dated] of price.entries()) {
    const fromPath = [...path, place, 'from']
    if (place > 0 && dated.from === undefined) report(fromPath, 'is required in every price but the first')
    if (place === 0 && dated.from !== undefined && !isBuiltIn) {
      report(fromPath, 'must be left out in the first price of a model that is not built in, which has no price before it')
    }
    const fromMs = dated.from === undefined ? -Infinity : instantMs(dated.from) ?? NaN
    if (place > 0 && fromMs <= previousMs && dated.from !== undefined) report(fromPath, 'must be later than in the price before')
    previousMs = Math.max(previousMs, fromMs)
    checkPrice(dated, [...path, place], report)
  }
}

interface PriceChecks { readonly isBuiltIn: boolean, readonly report: Report }

const FLAT_RATES = ['input_per_1k', 'output_per_1k', 'cached_input_per_1k', 'reasoning_output_per_1k'] as const

function checkPrice (price: DatedPriceConfig, path: Path, report: Report): void {
  const flat = FLAT_RATES.filter((name) => price[name] !== undefined)
  if (price.tiers === undefined) {
    for (const name of ['input_per_1k', 'output_per_1k'] as const) {
      if (price[name] === undefined) report([...path, name], 'is required where there are no tiers')
    }
    return
  }
  if (flat.length > 0) report([...path, 'tiers'], `stands beside ${flat.join(' and ')}; give one or the other`)
  let previousMax = 0
  for (const [place, tier] of price.tiers.entries()) {
    const isLast = place === price.tiers.length - 1
    const tierPath = [...path, 'tiers', place, 'input_tokens_max']
    if (isLast && tier.input_tokens_max !== undefined) report(tierPath, 'must be left out in the last tier, which has no end')
    if (!isLast && tier.input_tokens_max === undefined) report(tierPath, 'is required in every tier but the last')
    if ((tier.input_tokens_max ?? Infinity) <= previousMax) report(tierPath, 'must be larger than in the tier before')
    previousMax = tier.input_tokens_max ?? previousMax
  }
}
