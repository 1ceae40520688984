import { upstreamKeyId } from '../core/upstream-key.ts'
import type { JsonValue } from '../core/json.ts'

/** A setting, and what people may see of it. */
export interface Setting { readonly value: unknown, readonly shown: JsonValue }

/** Settings by where they are: nothing but mappings and lists, and settings at their ends. */
export type Settings = Leaf | readonly Settings[] | { readonly [name: string]: Settings }

/** Tells a setting from the mappings around it. */
export class Leaf implements Setting {
  readonly value: unknown
  readonly shown: JsonValue

  constructor (value: unknown, shown: JsonValue) {
    this.value = value
    this.shown = shown
  }
}

const HIDDEN = '***'

/**
 * A configuration as it may be shown. Secrets are hidden, of an upstream's key there is its fingerprint, and of what the
 * environment gave, what is written in the file.
 * @param written the same as it stands in the file, with its variables not filled in
 */
export function settingsOf (value: unknown, written: unknown, path: readonly (string | number)[] = []): Settings {
  if (Array.isArray(value)) {
    return value.map((item, index) => settingsOf(item, memberOf(written, index), [...path, index]))
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(members.map(([name, member]) => {
      return [name, settingsOf(member, memberOf(written, name), [...path, name])]
    }))
  }
  return new Leaf(value, shownOf(value, written, path))
}

/** All of it, as it may be shown. */
export function shownSettings (settings: Settings): JsonValue {
  if (settings instanceof Leaf) return settings.shown
  if (Array.isArray(settings)) return settings.map(shownSettings)
  return Object.fromEntries(Object.entries(settings).map(([name, member]) => [name, shownSettings(member)]))
}

function memberOf (value: unknown, name: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string | number, unknown>>)[name]
}

function shownOf (value: unknown, written: unknown, path: readonly (string | number)[]): JsonValue {
  if (typeof written === 'string' && written.includes('${')) return written
  const [section, name, member] = path
  if (section === 'secrets') return HIDDEN
  if (typeof value !== 'string') return value as JsonValue
  if (section === 'upstreams' && member === 'keys' && (path.length === 4 || path[4] === 'key')) return upstreamKeyId(value)
  const isUrl = (section === 'store' && name === 'redis_url') || (section === 'upstreams' && member === 'base_url')
  return isUrl ? withoutSecrets(value) : value
}

/** Of a URL, which may name several hosts: no user, no password and no parameters. */
function withoutSecrets (url: string): string {
  return url.replace(/\/\/[^/]*@/, `//${HIDDEN}@`).replace(/\?.*$/s, `?${HIDDEN}`)
}
