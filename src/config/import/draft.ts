import { Document, isScalar } from 'yaml'
import { BUILT_IN_MODELS } from '../models.ts'
import { NAME_PATTERN } from '../upstream-schema.ts'
import type { Path } from '../problems.ts'
import type { QuirksConfig } from '../schema.ts'
import type { Warn } from './source.ts'

/** What an import has found, before it is written as a configuration file. */
export interface Draft {
  readonly bootstrapKey?: string
  readonly upstreams: readonly DraftUpstream[]
  readonly models: readonly DraftModel[]
}

export interface DraftUpstream {
  readonly name: string
  readonly protocol: 'dashscope' | 'openai'
  readonly base_url: string
  readonly keys: readonly string[]
  readonly timeouts?: { readonly total: string }
  readonly builtin_models?: false
  readonly quirks?: QuirksConfig
}

export interface DraftTarget {
  readonly upstream: string
  readonly model?: string
  readonly priority?: number
  readonly weight?: number
}

export interface DraftModel extends ModelLimits {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly targets: readonly DraftTarget[]
  readonly price?: {
    readonly currency: string
    readonly input_per_1k: number
    readonly output_per_1k: number
    readonly cached_input_per_1k?: number
  }
}

export interface ModelLimits {
  readonly context_tokens?: number
  readonly input_tokens_max?: number
  readonly output_tokens_max?: number
}

/** What the configuration takes. */
export const PRIORITY_MAX = 100
export const WEIGHT_MAX = 1_000

/** For models of which nobody says how long their prompts and answers may be. */
const ASSUMED: ModelLimits = { context_tokens: 131_072, output_tokens_max: 8_192 }
const ASSUMED_COMMENT = ' assumed'

/** The name of a model, unless no client could send it here. */
export function isName (text: string): boolean {
  return new RegExp(NAME_PATTERN).test(text)
}

const NAME_CHARACTERS_MAX = 60

/** As much of a text as can stand in a name; undefined where nothing can. */
export function nameFrom (text: string): string | undefined {
  const name = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|-+$/g, '').slice(0, NAME_CHARACTERS_MAX)
  return name === '' ? undefined : name
}

/**
 * What a model's entry has to say of its limits: nothing where the model is built in and the file is silent, those of the one
 * model it leads to where that is built in, and an assumption as the last resort.
 * @param path where the model stands in the file that is read
 */
export function limitsOf (model: NamedTargets, known: ModelLimits, { path, warn }: Place): ModelLimits {
  const stated = fitting(known)
  if (BUILT_IN_MODELS.has(model.name)) return stated
  const names = new Set(model.targets.map((target) => target.model ?? model.name))
  const [only = ''] = names
  const builtIn = names.size === 1 ? BUILT_IN_MODELS.get(only) : undefined
  const base: ModelLimits = builtIn === undefined
    ? ASSUMED
    : {
        context_tokens: builtIn.contextTokens,
        input_tokens_max: builtIn.inputTokensMax,
        output_tokens_max: builtIn.outputTokensMax
      }
  const isAssumed = builtIn === undefined && (stated.context_tokens === undefined || stated.output_tokens_max === undefined)
  if (isAssumed) warn(path, `the limits of ${model.name} are not in the file; what is marked as assumed is to be checked`)
  return fitting({ ...base, ...stated })
}

type NamedTargets = Pick<DraftModel, 'name' | 'targets'>

export interface Place { readonly path: Path, readonly warn: Warn }

/** No prompt and no answer is longer than both together. */
function fitting (limits: ModelLimits): ModelLimits {
  const { context_tokens: context, input_tokens_max: input, output_tokens_max: output } = limits
  return {
    ...(context === undefined ? {} : { context_tokens: Math.max(context, input ?? 0, output ?? 0) }),
    ...(input === undefined ? {} : { input_tokens_max: input }),
    ...(output === undefined ? {} : { output_tokens_max: output })
  }
}

/** The file's text. @param source what it was made of */
export function draftText (draft: Draft, source: string): string {
  const { bootstrapKey, upstreams, models } = draft
  const document = new Document({
    ...(bootstrapKey === undefined ? {} : { secrets: { bootstrap_key: bootstrapKey } }),
    upstreams,
    models
  })
  document.commentBefore = ` Made of ${source} by dashgate import. dashgate config check tells what it needs.`
  for (const [index, model] of models.entries()) markAssumed(document, index, model)
  return document.toString({ lineWidth: 0 })
}

function markAssumed (document: Document, index: number, model: DraftModel): void {
  for (const [name, tokens] of Object.entries(ASSUMED)) {
    const node = document.getIn(['models', index, name], true)
    if (isScalar(node) && model[name as keyof ModelLimits] === tokens) node.comment = ASSUMED_COMMENT
  }
}
