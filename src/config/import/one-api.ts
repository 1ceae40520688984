import { BUILT_IN_MODELS } from '../models.ts'
import { ImportError, Mapping, createWarnings, isMapping } from './source.ts'
import { channelFrom } from './one-api-channels.ts'
import { createSecrets, freeName } from './secrets.ts'
import { PRIORITY_MAX, WEIGHT_MAX, draftText, limitsOf } from './draft.ts'
import type { Channel, ChannelModel } from './one-api-channels.ts'
import type { DraftModel, DraftTarget, DraftUpstream } from './draft.ts'
import type { ImportOptions, Imported } from './imported.ts'
import type { Path } from '../problems.ts'
import type { Program } from './one-api-types.ts'
import type { Warn } from './source.ts'

const NOT_IN_FILE = 'users, their tokens, quotas and the ratios of prices are in the database and not in this file; ' +
  'dashgate team create and dashgate key create make them anew'

/** What the program keeps of a channel for itself, and is not set by anybody. */
const BOOKKEEPING = [
  'created_time', 'test_time', 'response_time', 'balance', 'balance_updated_time', 'used_quota', 'other_info', 'auto_ban', 'test_model'
]

/** Makes a configuration of an export of one-api's or new-api's channels. @throws ImportError for a file that is none */
export function importOneApi (text: string, { keepSecrets, source }: ImportOptions): Imported {
  const { warnings, warn } = createWarnings()
  const secrets = createSecrets({ keep: keepSecrets })
  const { list, path } = channelsIn(text)
  const program = programOf(list)
  const entries = list.map((entry, index) => new Mapping(entry, [...path, index], warn))
  warn(path, `is read as an export of ${program}, whose types of channels are numbered in its own way`)
  const channels = entries.flatMap((entry) => channelFrom(entry, { program, secrets }) ?? [])
  const placed = named(channels)
  const models = modelsOf(placed, warn)
  warnOfBookkeeping(list, path, warn)
  for (const entry of entries) {
    entry.ignore(BOOKKEEPING)
    entry.finish()
  }
  warn([], NOT_IN_FILE)
  return { yaml: draftText({ upstreams: placed.map(upstreamOf), models }, source), warnings, variables: secrets.variables }
}

interface ChannelList { readonly list: readonly unknown[], readonly path: Path }

/** A list, or an answer of the program's API with one in it. */
function channelsIn (text: string): ChannelList {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ImportError('It is no JSON.')
  }
  const path: string[] = []
  for (const name of ['data', 'items']) {
    if (!isMapping(value) || !Object.hasOwn(value, name)) continue
    value = value[name]
    path.push(name)
  }
  const isList = Array.isArray(value) && value.length > 0 && value.every((entry) => isMapping(entry) && 'type' in entry && 'models' in entry)
  if (!isList) throw new ImportError('It has no list of channels, each with type and models.')
  return { list: value as unknown[], path }
}

/** Members that only the younger program has. */
const NEW_API_MEMBERS = ['channel_info', 'auto_ban', 'tag', 'setting', 'status_code_mapping']

function programOf (list: readonly unknown[]): Program {
  return list.some((entry) => isMapping(entry) && NEW_API_MEMBERS.some((name) => Object.hasOwn(entry, name))) ? 'new-api' : 'one-api'
}

interface NamedChannel extends Channel { readonly upstream: string }

function named (channels: readonly Channel[]): NamedChannel[] {
  const names = new Set<string>()
  return channels.map((channel) => {
    const upstream = freeName(channel.name, (taken) => names.has(taken), '-')
    names.add(upstream)
    return { ...channel, upstream }
  })
}

/** It serves what its models name, and not whatever is built in. */
function upstreamOf ({ upstream, protocol, baseUrl, keys }: NamedChannel): DraftUpstream {
  return { name: upstream, protocol, base_url: baseUrl, keys, ...(protocol === 'dashscope' ? { builtin_models: false } : {}) }
}

interface Offer { readonly channel: NamedChannel, readonly model: ChannelModel }

function modelsOf (channels: readonly NamedChannel[], warn: Warn): DraftModel[] {
  const offers = channels.flatMap((channel) => channel.models.map((model): Offer => ({ channel, model })))
  return [...Map.groupBy(offers, ({ model }) => model.name)].map(([name, group]): DraftModel => {
    const path = [...group[0]?.channel.path ?? [], 'models']
    const targets = targetsOf(name, group, warn)
    if (!BUILT_IN_MODELS.has(name)) warn(path, `${name} has no price here; without one it is refused under budgets of money`)
    return { name, targets, ...limitsOf({ name, targets }, {}, { path, warn }) }
  })
}

/** There the highest priority is first, and a weight of 0 is the usual one. */
function targetsOf (name: string, offers: readonly Offer[], warn: Warn): DraftTarget[] {
  const priorities = [...new Set(offers.map(({ channel }) => channel.priority))].sort((a, b) => b - a)
  return offers.map(({ channel, model }): DraftTarget => {
    const priority = priorities.indexOf(channel.priority)
    const weight = Math.min(Math.max(Math.round(channel.weight), 1), WEIGHT_MAX)
    if (priority > PRIORITY_MAX) warn([...channel.path, 'priority'], `only ${PRIORITY_MAX} priorities are told apart`)
    if (weight !== channel.weight && channel.weight !== 0) warn([...channel.path, 'weight'], `is ${weight} here`)
    return {
      upstream: channel.upstream,
      ...(model.model === name ? {} : { model: model.model }),
      ...(priority === 0 ? {} : { priority: Math.min(priority, PRIORITY_MAX) }),
      ...(weight === 1 ? {} : { weight })
    }
  })
}

/** Once for all channels: nobody has set any of it. */
function warnOfBookkeeping (list: readonly unknown[], path: Path, warn: Warn): void {
  const found = BOOKKEEPING.filter((name) => list.some((entry) => isMapping(entry) && Object.hasOwn(entry, name)))
  if (found.length > 0) warn(path, `what the program notes of each channel is left out: ${found.join(', ')}`)
}
