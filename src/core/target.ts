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

/** What a dialect has to know of where its calls go: nothing about addresses, and no key. */
export interface DialectTarget {
  /** The model's name there. */
  readonly model: string
  readonly quirks: Quirks
}

/** A key of the pool an upstream is called with. */
export interface UpstreamKey {
  /** Names it where it must not be shown. */
  readonly id: string
  readonly key: string
  readonly weight: number
  readonly workspace?: string
}

/** What DashScope's native protocol does where a request leaves it open. */
export interface NativeDefaults { readonly resultFormat: 'text' | 'message', readonly incrementalOutput: boolean }

/** Which of the vendor's own restrictions hold for clients; see `policies.vendor_rules` in the configuration. */
export interface VendorRules {
  /** True: also what the qwen-coder-turbo page forbids and today's service allows, such as tools with streams. */
  readonly strict: boolean
  /** Looked up by the model's name as the client gave it, before it is known whether the model exists. */
  nativeDefaults (model: string): NativeDefaults
}
