import type { Protocol } from './protocol.ts'
import type { DialectTarget, NativeDefaults, UpstreamKey, VendorRules } from './target.ts'

export interface Upstream {
  readonly name: string
  readonly protocol: Protocol
  readonly baseUrl: string
  /** Secret keys, used in turn. */
  readonly keys: readonly UpstreamKey[]
  readonly timeouts: Timeouts
}

export interface Timeouts {
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  /** Longest silence between two events that carry content. */
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
}

/** One way to serve a model. */
export interface Target extends DialectTarget {
  readonly upstream: Upstream
  readonly priority: number
  readonly weight: number
}

/** Nano-units of the currency (10⁻⁹) per token, for prompts of up to `inputTokensMax` tokens. */
export interface PriceTier {
  readonly inputTokensMax: number
  readonly inputNanoPerToken: number
  /** For those of the input that the upstream took from its cache. */
  readonly cachedInputNanoPerToken: number
  readonly outputNanoPerToken: number
  /** For all output of an answer with a chain of thought, that chain included: it is dearer as a whole. */
  readonly reasoningOutputNanoPerToken: number
}

export interface Price { readonly currency: string, readonly tiers: readonly PriceTier[] }

/** It holds for requests that come at this time or later, until the next one's. */
export interface DatedPrice extends Price { readonly fromMs: number }

export interface Model {
  readonly name: string
  readonly targets: readonly Target[]
  readonly contextTokens: number
  readonly inputTokensMax: number
  readonly outputTokensMax: number
  /** Longest chain of thought, which no cap of the answer bounds; 0 for a model that does not think. */
  readonly thinkingTokensMax: number
  /** Whether it thinks where a request does not say. */
  readonly thinksByDefault: boolean
  readonly tokenizer: 'qwen' | 'estimate'
  /** What DashScope does where the request leaves it open: newer families answer as messages, incrementally. */
  readonly nativeDefaults: NativeDefaults
  /** In order of time; none for a model without a price. */
  readonly prices: readonly DatedPrice[]
  /** Seconds since 1970, for the list of models. */
  readonly createdSeconds: number
}

export interface Policies {
  readonly outputOverCap: 'reject' | 'clamp'
  readonly clientAbort: 'cancel' | 'drain'
  readonly budgetFit: 'clamp' | 'reject'
  readonly unpricedModel: 'reject' | 'allow'
}

/** One immutable picture of the live configuration. A request keeps the one it started with. */
export interface Catalog {
  readonly models: ReadonlyMap<string, Model>
  /** Model or alias → model; undefined where there is none. */
  resolve (name: string): Model | undefined
  readonly policies: Policies
  readonly vendorRules: VendorRules
}
