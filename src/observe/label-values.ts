import { providerOf } from './gen-ai-names.ts'
import type { Catalog } from '../core/catalog.ts'
import type { Instruments } from './instruments.ts'

/** The names that may be values of labels: configured ones and no others, so that nobody can make series by making up names. */
export interface NamesInUse {
  readonly catalog: Catalog
  readonly teams: Iterable<string>
}

/** Teams with series of their own, in the order in which they came; the others share one. */
export const TEAMS_MAX = 256
/** No team is called so: ids begin with a letter or digit. */
const OTHER_TEAM = '_other'
/** Of a request whose model is in no catalog, and of one that reached no upstream. */
export const UNKNOWN_MODEL = 'unknown'
export const NO_UPSTREAM = 'none'
const OTHER = 'other'

export interface LabelValues {
  team (id: string): string
  currency (code: string): string
  provider (upstream: string): string
  /** Takes series away whose names are in use no more. */
  prune (instruments: Instruments): Promise<void>
}

/** @param namesInUse asked when the metrics are read, and for each charge */
export function createLabelValues (namesInUse: () => NamesInUse): LabelValues {
  const teams = new Set<string>()
  let known = knownIn(namesInUse().catalog)

  function refresh (): Known {
    const { catalog } = namesInUse()
    if (known.catalog !== catalog) known = knownIn(catalog)
    return known
  }

  return {
    team (id) {
      if (!teams.has(id) && teams.size >= TEAMS_MAX) return OTHER_TEAM
      teams.add(id)
      return id
    },
    currency: (code) => refresh().currencies.has(code) ? code : OTHER,
    provider: (upstream) => refresh().providers.get(upstream) ?? OTHER,
    async prune (instruments) {
      const { models, providers } = refresh()
      const teamsLeft = new Set(namesInUse().teams)
      for (const team of teams) if (!teamsLeft.has(team)) teams.delete(team)
      const isInUse: Readonly<Record<string, (value: string) => boolean>> = {
        model: (name) => models.has(name) || name === UNKNOWN_MODEL,
        gen_ai_request_model: (name) => models.has(name) || name === UNKNOWN_MODEL,
        upstream: (name) => providers.has(name) || name === NO_UPSTREAM,
        team: (id) => teams.has(id) || id === OTHER_TEAM
      }
      for (const instrument of Object.values(instruments) as Prunable[]) await pruneOne(instrument, isInUse)
    }
  }
}

interface Known {
  readonly catalog: Catalog
  readonly models: ReadonlySet<string>
  readonly providers: ReadonlyMap<string, string>
  readonly currencies: ReadonlySet<string>
}

function knownIn (catalog: Catalog): Known {
  const models = [...catalog.models.values()]
  return {
    catalog,
    models: new Set(catalog.models.keys()),
    providers: new Map(models.flatMap(({ targets }) => targets.map(({ upstream }) => [upstream.name, providerOf(upstream)]))),
    currencies: new Set(models.flatMap(({ prices }) => prices.map(({ currency }) => currency)))
  }
}

interface Prunable {
  get (): Promise<{ readonly values: ReadonlyArray<{ readonly labels: Readonly<Record<string, string | number | undefined>> }> }>
  remove (labels: Readonly<Record<string, string | number>>): void
}

async function pruneOne (instrument: Prunable, isInUse: Readonly<Record<string, (value: string) => boolean>>): Promise<void> {
  const { values } = await instrument.get()
  for (const { labels: { le: _bucket, ...labels } } of values) {
    const isGone = Object.entries(labels).some(([name, value]) => isInUse[name]?.(String(value)) === false)
    if (isGone) instrument.remove(labels as Readonly<Record<string, string | number>>)
  }
}
