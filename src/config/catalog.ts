import type { Catalog, Model, Target, Upstream } from '../core/catalog.ts'
import type { NativeDefaults, Quirks, UpstreamKey } from '../core/target.ts'
import type { Protocol } from '../core/protocol.ts'
import { SIMULATOR_UPSTREAM } from './checks.ts'
import { familyOf } from './families.ts'
import type { Family } from './families.ts'
import { BUILT_IN_MODELS, CATALOG_DATE } from './models.ts'
import { durationMs } from './scalars.ts'
import { pricesOf } from './prices.ts'
import { upstreamKeyId } from '../core/upstream-key.ts'
import type { Config, ModelConfig, QuirksConfig, UpstreamConfig } from './schema.ts'

export interface CatalogOptions {
  /** Base URL of the built-in simulator, as its native protocol has it (…/api/v1). Needed where no upstream is configured. */
  readonly simulatorBaseUrl?: string | undefined
}

/** An upstream, and what its own configuration adds to the targets that lead there. */
interface Provider { readonly upstream: Upstream, readonly quirks: QuirksConfig | undefined, readonly servesBuiltIns: boolean }

type Providers = ReadonlyMap<string, Provider>

/** True where nothing is configured to answer, so that the built-in simulator has to. */
export function needsSimulator (config: Config): boolean {
  return config.upstreams.length === 0
}

/**
 * Built-in models first, in the catalog's order, then the file's own.
 * @throws Error for what `loadConfig` would have refused; a running server then keeps the catalog it has
 */
export function buildCatalog (config: Config, protocols: ReadonlyMap<string, Protocol>, options: CatalogOptions = {}): Catalog {
  const providers = providersOf(config, protocols, options)
  const entries = new Map(config.models.map((model) => [model.name, model]))
  const names = new Set([...BUILT_IN_MODELS.keys(), ...entries.keys()])
  const models = new Map<string, Model>()
  const aliases = new Map<string, Model>()
  for (const name of names) {
    const entry = entries.get(name) ?? { name }
    const model = modelOf(entry, providers)
    // Without a target a built-in model is only a name: it is not offered where no upstream serves the built-in ones.
    if (model.targets.length === 0) continue
    models.set(name, model)
    for (const alias of entry.aliases ?? []) aliases.set(alias, model)
  }
  return {
    models,
    resolve: (name) => models.get(name) ?? aliases.get(name),
    policies: {
      outputOverCap: config.policies.output_over_cap,
      clientAbort: config.policies.client_abort,
      budgetFit: config.policies.budget_fit,
      unpricedModel: config.policies.unpriced_model
    },
    vendorRules: {
      strict: config.policies.vendor_rules === 'strict',
      // A model that is not in the catalog has its family's defaults: the request is read before it is refused.
      nativeDefaults: (name) => (models.get(name) ?? aliases.get(name) ?? familyOf(name)).nativeDefaults
    }
  }
}

function providersOf (config: Config, protocols: ReadonlyMap<string, Protocol>, options: CatalogOptions): Providers {
  const upstreams = needsSimulator(config) ? [simulatorUpstream(options.simulatorBaseUrl)] : config.upstreams
  return new Map(upstreams.map((upstream) => {
    const protocol = protocols.get(upstream.protocol)
    if (protocol === undefined) throw new Error(`upstream ${upstream.name}: this server does not speak the protocol ${upstream.protocol}`)
    const servesBuiltIns = upstream.builtin_models ?? upstream.protocol === 'dashscope'
    return [upstream.name, { upstream: upstreamOf(upstream, protocol), quirks: upstream.quirks, servesBuiltIns }]
  }))
}

function simulatorUpstream (baseUrl: string | undefined): UpstreamConfig {
  if (baseUrl === undefined) throw new Error('no upstream is configured, and the simulator is not running')
  return {
    name: SIMULATOR_UPSTREAM,
    protocol: 'dashscope',
    base_url: baseUrl,
    keys: ['sk-simulator'],
    timeouts: { connect: '5s', first_byte: '60s', idle: '60s', total: '600s' }
  }
}

function upstreamOf (upstream: UpstreamConfig, protocol: Protocol): Upstream {
  const { connect, first_byte: firstByte, idle, total } = upstream.timeouts
  return {
    name: upstream.name,
    protocol,
    baseUrl: upstream.base_url.replace(/\/+$/, ''),
    keys: upstream.keys.map((configured): UpstreamKey => {
      const entry = typeof configured === 'string' ? { key: configured } : configured
      return { id: upstreamKeyId(entry.key), weight: 1, ...entry }
    }),
    timeouts: {
      connectTimeoutMs: durationMs(connect),
      firstByteTimeoutMs: durationMs(firstByte),
      idleTimeoutMs: durationMs(idle),
      totalTimeoutMs: durationMs(total)
    }
  }
}

function modelOf (entry: ModelConfig, providers: Providers): Model {
  const builtIn = BUILT_IN_MODELS.get(entry.name)
  const family = familyOf(entry.name)
  const contextTokens = entry.context_tokens ?? builtIn?.contextTokens
  const outputTokensMax = entry.output_tokens_max ?? builtIn?.outputTokensMax
  if (contextTokens === undefined || outputTokensMax === undefined) throw new Error(`model ${entry.name}: its limits are not known`)
  return {
    name: entry.name,
    targets: targetsOf(entry, providers, family),
    contextTokens,
    inputTokensMax: entry.input_tokens_max ?? builtIn?.inputTokensMax ?? contextTokens,
    outputTokensMax,
    thinkingTokensMax: entry.thinking_tokens_max ?? family.thinkingTokensMax,
    thinksByDefault: family.thinksByDefault,
    tokenizer: entry.tokenizer ?? family.tokenizer,
    nativeDefaults: nativeDefaultsOf(entry.native_defaults, family.nativeDefaults),
    prices: pricesOf(entry.price, builtIn),
    createdSeconds: Date.parse(builtIn?.created ?? CATALOG_DATE) / 1_000
  }
}

function nativeDefaultsOf (configured: ModelConfig['native_defaults'], family: NativeDefaults): NativeDefaults {
  return {
    resultFormat: configured?.result_format ?? family.resultFormat,
    incrementalOutput: configured?.incremental_output ?? family.incrementalOutput
  }
}

function targetsOf (entry: ModelConfig, providers: Providers, family: Family): Target[] {
  const defaults = [...providers].filter(([, provider]) => provider.servesBuiltIns)
    .map(([name], place) => ({ upstream: name, model: entry.name, priority: place, weight: 1 }))
  return (entry.targets ?? defaults).map((target) => {
    const provider = providers.get(target.upstream)
    if (provider === undefined) throw new Error(`model ${entry.name}: there is no upstream ${target.upstream}`)
    return {
      upstream: provider.upstream,
      model: target.model ?? entry.name,
      priority: target.priority,
      weight: target.weight,
      quirks: quirksOf({ ...provider.quirks, ...entry.quirks }, entry.native_service ?? family.nativeService)
    }
  })
}

function quirksOf (quirks: QuirksConfig, nativeService: Quirks['nativeService']): Quirks {
  return {
    extensions: quirks.extensions ?? true,
    developerRole: quirks.developer_role ?? false,
    maxCompletionTokens: quirks.max_completion_tokens ?? false,
    toolChoiceRequired: quirks.tool_choice_required ?? 'pass',
    streamOnly: quirks.stream_only ?? false,
    nativeService
  }
}
