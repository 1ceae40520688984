import { isDeepStrictEqual } from 'node:util'
import { Leaf, shownSettings } from './shown.ts'
import { STATIC_SECTIONS } from './reload.ts'
import type { JsonValue } from '../core/json.ts'
import type { Settings } from './shown.ts'

/** One setting that another configuration has otherwise. */
export interface ConfigChange {
  /** Such as `models[coder].price.currency`: what has a name goes by it. */
  readonly path: string
  /** undefined where it is not set. */
  readonly from: JsonValue | undefined
  readonly to: JsonValue | undefined
  /** Whether only a restart applies it. */
  readonly needsRestart: boolean
}

type Mapping = Readonly<Record<string, Settings>>

/** Everything in which two configurations differ, in the order of their settings. */
export function changesBetween (from: Settings, to: Settings): ConfigChange[] {
  return differences(from, to, '').map(({ path, ...sides }) => ({
    path,
    from: sides.from === undefined ? undefined : shownSettings(sides.from),
    to: sides.to === undefined ? undefined : shownSettings(sides.to),
    needsRestart: STATIC_SECTIONS.some((section) => path === section || path.startsWith(`${section}.`))
  }))
}

interface Difference { readonly path: string, readonly from: Settings | undefined, readonly to: Settings | undefined }

function differences (from: Settings | undefined, to: Settings | undefined, path: string): Difference[] {
  const [before, after] = [membersOf(from), membersOf(to)]
  if (before === undefined || after === undefined) return isSame(from, to) ? [] : [{ path, from, to }]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [one, other] = [before.get(key), after.get(key)]
    const step = (other ?? one)?.step ?? ''
    return differences(one?.settings, other?.settings, path === '' ? step.replace(/^\./, '') : path + step)
  })
}

/** A part of the settings, and how its path goes on from theirs. */
interface Member { readonly step: string, readonly settings: Settings }

/** What can be told apart in settings, by name; undefined for what is compared as a whole. */
function membersOf (settings: Settings | undefined): ReadonlyMap<unknown, Member> | undefined {
  if (settings === undefined || settings instanceof Leaf) return undefined
  if (!Array.isArray(settings)) {
    return new Map(Object.entries(settings as Mapping).map(([name, member]) => [name, { step: `.${name}`, settings: member }]))
  }
  const names = settings.map(nameOf)
  if (names.includes(undefined)) return undefined
  return new Map(settings.map((item, index) => [names[index]?.value, { step: `[${String(names[index]?.shown)}]`, settings: item }]))
}

function nameOf (item: Settings): Leaf | undefined {
  if (item instanceof Leaf || Array.isArray(item)) return undefined
  const name = (item as Mapping)['name']
  return name instanceof Leaf ? name : undefined
}

function isSame (a: Settings | undefined, b: Settings | undefined): boolean {
  return isDeepStrictEqual(valuesOf(a), valuesOf(b))
}

function valuesOf (settings: Settings | undefined): unknown {
  if (settings === undefined || settings instanceof Leaf) return settings?.value
  if (Array.isArray(settings)) return settings.map(valuesOf)
  return Object.fromEntries(Object.entries(settings).map(([name, member]) => [name, valuesOf(member)]))
}
