import type { Protocol } from './protocol.ts'

/** How far a target strays from its protocol. Quirks are data; code asks for a flag and never for a vendor's name. */
export interface Quirks {
  /** Takes DashScope's extension parameters: top_k, repetition_penalty, enable_thinking, token ids in stop … */
  readonly extensions: boolean
  /** Knows the role `developer`; where it does not, that role is sent as `system`. */
  readonly developerRole: boolean
  /** Wants the output cap as `max_completion_tokens`. */
  readonly maxCompletionTokens: boolean
  /** What to do with tool_choice `required`, which Qwen documents as unsupported. */
  readonly toolChoiceRequired: 'pass' | 'auto' | 'reject'
  /** Answers only as a stream; a client that did not ask for one gets it collected. */
  readonly streamOnly: boolean
  /** Native protocol only: which of the two services the model is served by. */
  readonly nativeService: 'text-generation' | 'multimodal-generation'
}

export interface Upstream {
  readonly name: string
  readonly protocol: Protocol
  readonly baseUrl: string
  /** Secret keys, used in turn. */
  readonly keys: readonly UpstreamKey[]
  readonly timeouts: Timeouts
}

export interface UpstreamKey { readonly key: string, readonly weight: number, readonly workspace?: string }

export interface Timeouts {
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  /** Longest silence between two events that carry content. */
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
}

export interface Target {
  readonly upstream: Upstream
  /** The model's name there. */
  readonly model: string
  readonly priority: number
  readonly weight: number
  readonly quirks: Quirks
}

/** Nano-units of the currency (10⁻⁹) per token, for prompts of up to `inputTokensMax` tokens. */
export interface PriceTier {
  readonly inputTokensMax: number
  readonly inputNanoPerToken: number
  readonly outputNanoPerToken: number
}

export interface Price { readonly currency: string, readonly tiers: readonly PriceTier[] }

export interface Model {
  readonly name: string
  readonly targets: readonly Target[]
  readonly contextTokens: number
  readonly inputTokensMax: number
  readonly outputTokensMax: number
  readonly tokenizer: 'qwen' | 'estimate'
  /** What DashScope does where the request leaves it open: newer families answer as messages, incrementally. */
  readonly nativeDefaults: NativeDefaults
  readonly price: Price | undefined
  /** Seconds since 1970, for the list of models. */
  readonly createdSeconds: number
}

export interface NativeDefaults { readonly resultFormat: 'text' | 'message', readonly incrementalOutput: boolean }

/** Which of the vendor's own restrictions hold for clients; see `policies.vendor_rules` in the configuration. */
export interface VendorRules {
  /** True: also what the qwen-coder-turbo page forbids and today's service allows (tools with streams, a late system message …). */
  readonly strict: boolean
  /** Looked up by the model's name as the client gave it, before it is known whether the model exists. */
  nativeDefaults (model: string): NativeDefaults
}

export interface Policies {
  readonly outputOverCap: 'reject' | 'clamp'
  readonly clientAbort: 'cancel' | 'drain'
}

/** One immutable picture of the live configuration. A request keeps the one it started with. */
export interface Catalog {
  readonly models: ReadonlyMap<string, Model>
  /** Model or alias → model; undefined where there is none. */
  resolve (name: string): Model | undefined
  readonly policies: Policies
  readonly vendorRules: VendorRules
}
