import { pathText } from '../problems.ts'
import { referenceTo } from '../variables.ts'
import type { Path } from '../problems.ts'

/** A variable that the written file names and that somebody has to set. */
export interface NeededVariable {
  readonly name: string
  /** Where its value, or its name, stands in the file that was read. */
  readonly path: string
  /** True where the value stands there and is to be moved; false where it was a variable before. */
  readonly moved: boolean
}

export interface SecretsOptions {
  /** True: secrets stay what they are, and the file that is written holds them. */
  readonly keep: boolean
}

/** Where the secrets of a file go: into variables of the environment, unless they are to be kept. */
export interface Secrets {
  readonly variables: readonly NeededVariable[]
  /** @param hint what the variable is named after @returns what is to be written in the secret's place */
  place (secret: string, hint: string, path: Path): string
  /** A new variable, for a secret that is not in the file. */
  ask (hint: string, path: Path): string
  /** A variable that the file names by itself. */
  refer (name: string, path: Path): string
}

export function createSecrets ({ keep }: SecretsOptions): Secrets {
  const variables: NeededVariable[] = []
  const names = new Map<string, string>()

  function newName (hint: string): string {
    return freeName(variableName(hint), (taken) => variables.some((variable) => variable.name === taken))
  }

  function need (name: string, path: Path, moved: boolean): string {
    if (!variables.some((variable) => variable.name === name)) variables.push({ name, path: pathText(path), moved })
    return referenceTo(name)
  }

  return {
    variables,
    ask: (hint, path) => need(newName(hint), path, false),
    refer: (name, path) => need(name, path, false),
    place (secret, hint, path) {
      if (keep) return verbatim(secret)
      const known = names.get(secret)
      if (known !== undefined) return referenceTo(known)
      const name = newName(hint)
      names.set(secret, name)
      return need(name, path, true)
    }
  }
}

/** A text in which nothing is taken for a variable. */
export function verbatim (text: string): string {
  return text.replaceAll('$', '$$$$')
}

/** No variable that has a meaning already, here or in the file that is read, is called so. */
function variableName (hint: string): string {
  return `IMPORTED_${hint.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')}`
}

/** `name`, or with a number from 2 on behind it. */
export function freeName (name: string, isTaken: (name: string) => boolean, separator = '_'): string {
  let free = name
  for (let number = 2; isTaken(free); number++) free = `${name}${separator}${number}`
  return free
}
