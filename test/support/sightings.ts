/** What the client programs report of an answer. Their suites assert these shapes before anything is made of them. */
export interface OpenaiAnswer {
  readonly id: string
  readonly text: string
  readonly finish_reason: string
  readonly usage: { readonly prompt_tokens: number, readonly completion_tokens: number, readonly total_tokens: number }
}

export interface OpenaiStream {
  readonly ids: number
  readonly pieces: number
  readonly text: string
  readonly finish_reasons: readonly string[]
  readonly usages: readonly object[]
}

export interface OpenaiTools {
  readonly finish_reason: string
  readonly calls: readonly object[]
  readonly answer: OpenaiAnswer
}

export interface NativeAnswer {
  readonly output: NativeOutput | null
  readonly usage: { readonly input_tokens: number, readonly output_tokens: number } | null
}

export interface NativeOutput {
  readonly text?: string | null
  readonly choices?: ReadonlyArray<{ readonly message: { readonly content: unknown } }> | null
}

export interface NativeStream {
  /** What each frame said. */
  readonly texts: readonly string[]
  readonly finish_reasons: readonly string[]
  readonly last: NativeAnswer
}

export interface NativeTools {
  readonly finish_reason: string
  readonly calls: readonly object[]
  readonly answer: NativeAnswer
}
