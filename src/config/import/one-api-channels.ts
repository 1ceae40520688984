import { baseUrlOf, CHANNEL_KINDS } from './one-api-types.ts'
import { isMapping } from './source.ts'
import { isName, nameFrom } from './draft.ts'
import { verbatim } from './secrets.ts'
import type { ChannelKind, Program } from './one-api-types.ts'
import type { Mapping } from './source.ts'
import type { Path } from '../problems.ts'
import type { Secrets } from './secrets.ts'

/** A channel: one upstream with its keys, and the models it serves. */
export interface Channel {
  readonly path: Path
  /** What its upstream is to be called, unless another one is. */
  readonly name: string
  readonly protocol: ChannelKind['protocol']
  readonly baseUrl: string
  readonly keys: readonly string[]
  readonly models: readonly ChannelModel[]
  /** Higher is first. */
  readonly priority: number
  readonly weight: number
}

export interface ChannelModel { readonly name: string, readonly model: string }

export interface ChannelDeps { readonly program: Program, readonly secrets: Secrets }

const ENABLED = 1

/** undefined for a channel that is not served here, which has been warned of. */
export function channelFrom (entry: Mapping, { program, secrets }: ChannelDeps): Channel | undefined {
  const type = entry.number('type') ?? 0
  const kind = CHANNEL_KINDS[program].get(type)
  const status = entry.number('status') ?? ENABLED
  const baseUrl = kind === undefined ? undefined : baseUrlOf(kind, entry.text('base_url'))
  const reason = reasonAgainst({ type, kind, status, baseUrl })
  if (reason !== undefined || kind === undefined || baseUrl === undefined) {
    entry.warn('type', `the channel is left out: ${reason}`)
    entry.drop()
    return undefined
  }
  const name = upstreamName(entry)
  warnOfGroups(entry)
  return {
    path: entry.path,
    name,
    protocol: kind.protocol,
    baseUrl: verbatim(baseUrl),
    keys: keysFrom(entry, name, secrets),
    models: modelsFrom(entry),
    priority: entry.number('priority') ?? 0,
    weight: entry.number('weight') ?? 0
  }
}

interface Judged {
  readonly type: number
  readonly kind: ChannelKind | undefined
  readonly status: number
  readonly baseUrl: string | undefined
}

function reasonAgainst ({ type, kind, status, baseUrl }: Judged): string | undefined {
  if (status !== ENABLED) return 'it is disabled'
  if (kind === undefined) return `channels of type ${type} speak neither OpenAI's protocol nor DashScope's`
  return baseUrl === undefined ? 'its base_url is no URL' : undefined
}

/** What it is called, as far as that can stand in a name. */
function upstreamName (entry: Mapping): string {
  const text = entry.text('name')
  const id = entry.text('id')
  const name = nameFrom(text ?? '') ?? `channel-${id ?? entry.path.at(-1)}`
  if (text !== name) entry.warn('name', `the upstream is called ${name}`)
  return name
}

function warnOfGroups (entry: Mapping): void {
  const group = entry.text('group')
  if (group === undefined || group === 'default') return
  entry.warn('group', 'there are no groups here: a team\'s or a key\'s models say what it may use')
}

/** Several stand below each other. Exports without secrets have none. */
function keysFrom (entry: Mapping, name: string, secrets: Secrets): string[] {
  const keys = (entry.text('key') ?? '').split('\n').map((key) => key.trim())
  const info = entry.mapping('channel_info')
  const statuses = info.mapping('multi_key_status_list')
  const enabled = keys.filter((key, index) => key !== '' && (statuses.number(String(index)) ?? ENABLED) === ENABLED)
  info.drop()
  const isCut = enabled.length < keys.filter((key) => key !== '').length
  if (isCut) entry.warn('key', 'the keys that are disabled are left out')
  const path = entry.at('key')
  if (enabled.length > 0) return [...new Set(enabled)].map((key) => secrets.place(key, `${name}_key`, path))
  if (!isCut) entry.warn('key', 'the export has no key in it')
  return [secrets.ask(`${name}_key`, path)]
}

/** Of what the list may hold, as far as a name tells. */
const NOT_FOR_CHAT = /embedding|rerank|whisper|(?:^|-)tts|(?:^|-)asr|dall-e|image|^wan[x\d]|cosyvoice|paraformer|moderation/

function modelsFrom (entry: Mapping): ChannelModel[] {
  const mapped = modelMapping(entry)
  const names = new Set((entry.text('models') ?? '').split(',').map((name) => name.trim()).filter((name) => name !== ''))
  return [...names].flatMap((name) => {
    const model = mapped.get(name) ?? name
    if (NOT_FOR_CHAT.test(name)) entry.warn('models', `${name} is not for chat and is left out`)
    else if (!isName(name) || !isName(model)) entry.warn('models', `${name} is no name that clients could send here, and is left out`)
    else return [{ name, model }]
    return []
  })
}

/** A JSON object in a text: what clients ask for, and what is sent on. */
function modelMapping (entry: Mapping): Map<string, string> {
  const text = entry.text('model_mapping')
  if (text === undefined) return new Map()
  const value = parsedJson(text)
  if (!isMapping(value)) {
    entry.warn('model_mapping', 'is no JSON object and is left out')
    return new Map()
  }
  return new Map(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}

function parsedJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
