import { LITELLM_PROVIDERS } from './litellm-providers.ts'
import { isName } from './draft.ts'
import { verbatim } from './secrets.ts'
import type { Mapping } from './source.ts'
import type { ModelLimits } from './draft.ts'
import type { Path } from '../problems.ts'
import type { Provider } from './litellm-providers.ts'
import type { Secrets } from './secrets.ts'

/** An entry of `model_list`: one model at one place, of the several that may serve a name. */
export interface Deployment {
  /** What clients call it. */
  readonly name: string
  readonly path: Path
  readonly providerName: string
  readonly quirks: Provider['quirks']
  readonly baseUrl: string
  readonly key: string
  /** Its name at the provider. */
  readonly model: string
  readonly order: number | undefined
  readonly weights: { readonly weight: number | undefined, readonly rpm: number | undefined, readonly tpm: number | undefined }
  readonly timeoutSeconds: number | undefined
  readonly limits: ModelLimits
  /** US dollars per 1,000 tokens. */
  readonly price: Price | undefined
}

export interface Price { readonly input: number, readonly output: number, readonly cached: number | undefined }

/** undefined for what cannot be served here, which has been warned of. */
export function deploymentFrom (entry: Mapping, secrets: Secrets): Deployment | undefined {
  const name = entry.text('model_name')
  const params = entry.mapping('litellm_params')
  const info = entry.mapping('model_info')
  const place = placeOf(params)
  const reason = place === undefined ? undefined : reasonAgainst(name, info, place)
  if (place === undefined || name === undefined || reason !== undefined) {
    entry.warn('litellm_params', `${reason ?? 'names no model of a provider that speaks OpenAI\'s protocol'}; the entry is left out`)
    entry.drop()
    return undefined
  }
  const { providerName, provider, model, baseUrl } = place
  return {
    name,
    path: entry.path,
    providerName,
    quirks: baseUrl === provider.baseUrl ? provider.quirks : undefined,
    baseUrl: reference(baseUrl, secrets, params.at('api_base')),
    key: keyOf(params, place, secrets),
    model,
    order: params.number('order'),
    weights: { weight: params.number('weight'), rpm: limitOf(params, 'rpm'), tpm: limitOf(params, 'tpm') },
    timeoutSeconds: params.number('timeout'),
    limits: limitsFrom(info),
    price: priceFrom(info) ?? priceFrom(params)
  }
}

interface PlaceOfModel {
  readonly providerName: string
  readonly provider: Provider
  readonly model: string
  readonly baseUrl: string
}

function placeOf (params: Mapping): PlaceOfModel | undefined {
  const model = params.text('model') ?? ''
  const [prefix = '', ...rest] = model.split('/')
  const named = params.text('custom_llm_provider')
  const isPrefixed = rest.length > 0 && (named === undefined || named === prefix)
  const providerName = named ?? (isPrefixed ? prefix : 'openai')
  const provider = LITELLM_PROVIDERS.get(providerName)
  const baseUrl = params.text('api_base') ?? params.text('base_url') ?? provider?.baseUrl
  if (model === '' || provider === undefined || baseUrl === undefined) return undefined
  return { providerName, provider, model: isPrefixed ? rest.join('/') : model, baseUrl }
}

/** What models are for; LiteLLM knows many more. */
const CHAT = 'chat'

function reasonAgainst (name: string | undefined, info: Mapping, { model, baseUrl }: PlaceOfModel): string | undefined {
  if (name === undefined || !isName(name)) return 'the model has no name that clients could send here'
  if (!isName(model)) return 'the model\'s name at the provider cannot be sent from here'
  if ((info.text('mode') ?? CHAT) !== CHAT) return 'the model is not for chat'
  return URL.canParse(baseUrl) || variableOf(baseUrl) !== undefined ? undefined : 'api_base is no URL'
}

const ENVIRONMENT = /^os\.environ\/([A-Za-z_][A-Za-z0-9_]*)$/

/** LiteLLM's way to name a variable. */
function variableOf (text: string): string | undefined {
  return ENVIRONMENT.exec(text)?.[1]
}

function reference (text: string, secrets: Secrets, path: Path): string {
  const variable = variableOf(text)
  return variable === undefined ? verbatim(text) : secrets.refer(variable, path)
}

/** Where the file names no key, LiteLLM takes that of a variable. */
function keyOf (params: Mapping, { provider, providerName }: PlaceOfModel, secrets: Secrets): string {
  const key = params.text('api_key')
  if (key === undefined) return provider.keyVariable === undefined ? 'none' : secrets.refer(provider.keyVariable, params.at('model'))
  return secretText(key, `${providerName}_api_key`, params.at('api_key'), secrets)
}

/** A secret, or the variable it is in. */
export function secretText (text: string, hint: string, path: Path, secrets: Secrets): string {
  const variable = variableOf(text)
  return variable === undefined ? secrets.place(text, hint, path) : secrets.refer(variable, path)
}

function limitOf (params: Mapping, name: 'rpm' | 'tpm'): number | undefined {
  const limit = params.number(name)
  if (limit !== undefined) params.warn(name, 'no upstream is limited here; it only weighs this place against the others of its model')
  return limit
}

/** `max_tokens` is the whole context with some models and the answer with others; what it can only be is taken. */
function limitsFrom (info: Mapping): ModelLimits {
  const [both, input, output] = ['max_tokens', 'max_input_tokens', 'max_output_tokens'].map((name) => tokensOf(info, name))
  const context = input === undefined ? undefined : Math.max(input, output === undefined ? 0 : both ?? 0)
  const answer = output ?? both
  return {
    ...(context === undefined ? {} : { context_tokens: context }),
    ...(input === undefined ? {} : { input_tokens_max: input }),
    ...(answer === undefined ? {} : { output_tokens_max: answer })
  }
}

const TOKENS_MAX = 100_000_000

function tokensOf (info: Mapping, name: string): number | undefined {
  const tokens = info.number(name)
  if (tokens === undefined || (Number.isInteger(tokens) && tokens >= 1 && tokens <= TOKENS_MAX)) return tokens
  info.warn(name, 'is no number of tokens and is left out')
  return undefined
}

function priceFrom (mapping: Mapping): Price | undefined {
  const names = ['input_cost_per_token', 'output_cost_per_token', 'cache_read_input_token_cost']
  const [input, output, cached] = names.map((name) => per1kOf(mapping, name))
  if (input === undefined && output === undefined) return undefined
  if (input === undefined || output === undefined) {
    mapping.warn('input_cost_per_token', 'a price needs input_cost_per_token and output_cost_per_token; it is left out')
    return undefined
  }
  return { input, output, cached }
}

/** Prices are kept in millionths per 1,000 tokens. */
const PER_1K_STEPS = 1_000_000

function per1kOf (mapping: Mapping, name: string): number | undefined {
  const perToken = mapping.number(name)
  if (perToken === undefined) return undefined
  const steps = perToken * 1_000 * PER_1K_STEPS
  if (!(steps >= 0 && steps < PER_1K_STEPS * PER_1K_STEPS)) {
    mapping.warn(name, 'is no price and is left out')
    return undefined
  }
  const nearest = Math.round(steps)
  const isExact = Math.abs(steps - nearest) <= nearest * Number.EPSILON * 8
  if (!isExact) mapping.warn(name, 'is rounded up to millionths per 1,000 tokens')
  return (isExact ? nearest : Math.ceil(steps)) / PER_1K_STEPS
}
