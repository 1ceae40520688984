import { pathText } from '../problems.ts'
import type { Path } from '../problems.ts'

/** Something of the file that is read which is not, or not quite, in the one that is written. */
export interface ImportWarning { readonly path: string, readonly message: string }

/** Thrown where a file is not of the format it is said to be of. */
export class ImportError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'ImportError'
  }
}

export type Warn = (path: Path, message: string) => void

const NO_COUNTERPART = 'has no counterpart here and is left out'

/**
 * A mapping of somebody else's file. It remembers what it was asked for, so that in the end everything else can be told of:
 * nothing is left out in silence. Values are never repeated, as they may be secrets.
 */
export class Mapping {
  readonly path: Path
  readonly #values: Readonly<Record<string, unknown>>
  readonly #warn: Warn
  readonly #taken = new Set<string>()
  readonly #children: Mapping[] = []

  constructor (value: unknown, path: Path, warn: Warn) {
    this.path = path
    this.#warn = warn
    this.#values = isMapping(value) ? value : {}
    if (!isMapping(value) && !isEmpty(value)) warn(path, 'is no mapping and is left out')
  }

  has (name: string): boolean {
    return Object.hasOwn(this.#values, name) && !isEmpty(this.#values[name])
  }

  at (name: string): Path {
    return [...this.path, name]
  }

  /** Also a number, as a text. An empty one says nothing. */
  text (name: string): string | undefined {
    const value = this.#take(name)
    if ((typeof value === 'string' && value.trim() !== '') || typeof value === 'number') return String(value)
    return this.#refused(name, value, 'a text')
  }

  /** Also a text that is one, such as 1e-7 in YAML. */
  number (name: string): number | undefined {
    const value = this.#take(name)
    const number = typeof value === 'string' ? Number(value) : value
    if (typeof number === 'number' && Number.isFinite(number)) return number
    return this.#refused(name, value, 'a number')
  }

  list (name: string): readonly unknown[] {
    const value = this.#take(name)
    if (Array.isArray(value)) return value as unknown[]
    return this.#refused(name, value, 'a list') ?? []
  }

  mapping (name: string): Mapping {
    return this.child(this.#take(name), [name])
  }

  /** The mappings in a list. */
  mappings (name: string): Mapping[] {
    return this.list(name).map((value, index) => this.child(value, [name, index]))
  }

  /** @param steps from here */
  child (value: unknown, steps: Path): Mapping {
    const child = new Mapping(value, [...this.path, ...steps], this.#warn)
    this.#children.push(child)
    return child
  }

  entries (): readonly (readonly [name: string, value: unknown])[] {
    return Object.keys(this.#values).map((name) => [name, this.#take(name)] as const)
  }

  warn (name: string, message: string): void {
    this.#warn(this.at(name), message)
  }

  /** What nobody has set, and is told of once for all. */
  ignore (names: readonly string[]): void {
    for (const name of names) this.#taken.add(name)
  }

  /** Nothing of it is used, which has been told already. */
  drop (): void {
    this.ignore(Object.keys(this.#values))
    for (const child of this.#children) child.drop()
  }

  /** Tells of what nobody has asked for, here and below. @param hints what to say instead, by name */
  finish (hints: Readonly<Record<string, string>> = {}): void {
    for (const [name, value] of Object.entries(this.#values)) {
      if (this.#taken.has(name) || isEmpty(value)) continue
      this.warn(name, (Object.hasOwn(hints, name) ? hints[name] : undefined) ?? NO_COUNTERPART)
    }
    for (const child of this.#children) child.finish(hints)
  }

  #take (name: string): unknown {
    this.#taken.add(name)
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
  }

  #refused (name: string, value: unknown, expected: string): undefined {
    if (!isEmpty(value)) this.warn(name, `is not ${expected} and is left out`)
  }
}

export function isMapping (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What stands there and says nothing. */
function isEmpty (value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value === 'string') return ['', '{}', '[]', 'null'].includes(value.trim())
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** @returns the warnings as they come, and what takes them */
export function createWarnings (): { readonly warnings: readonly ImportWarning[], readonly warn: Warn } {
  const warnings: ImportWarning[] = []
  return { warnings, warn: (path, message) => { warnings.push({ path: pathText(path), message }) } }
}
