import { changesBetween } from './changes.ts'
import { ConfigError } from './problems.ts'
import { configOf } from './load.ts'
import { readDocument } from './document.ts'
import { settingsOf } from './shown.ts'
import { variable } from './variables.ts'
import type { Config } from './schema.ts'
import type { ConfigChange } from './changes.ts'
import type { Environment } from './variables.ts'
import type { Problem } from './problems.ts'
import type { Surroundings } from './load.ts'

export interface ConfigCheck {
  readonly problems: ReadonlyArray<Omit<Problem, 'source'>>
  /** None where there are problems. */
  readonly changes: readonly ConfigChange[]
}

export interface CheckDeps extends Surroundings { readonly running: Config }

/** Shorter values are no secrets, and are found in every text. */
const HIDDEN_CHARACTERS_MIN = 3

/** What is wrong with a file's text, or what it would change. No value of the environment is in the answer. */
export function checkConfig (text: string, { running, flags, environment }: CheckDeps): ConfigCheck {
  try {
    const config = configOf(readDocument('', text, environment), { flags, environment })
    const written = readDocument('', text, referencesTo(environment)).value
    return { problems: [], changes: changesBetween(settingsOf(running, undefined), settingsOf(config, written)) }
  } catch (caught) {
    const conceal = concealer(text, environment)
    const problems = problemsOf(caught).map(({ source: _, message, ...place }) => ({ ...place, message: conceal(message) }))
    return { problems, changes: [] }
  }
}

/** An environment in which each variable is what is written for it. */
function referencesTo (environment: Environment): Environment {
  const names = Object.keys(environment).filter((name) => variable(environment, name) !== undefined)
  return Object.fromEntries(names.map((name) => [name, `\${${name}}`]))
}

function problemsOf (caught: unknown): readonly Problem[] {
  if (caught instanceof ConfigError) return caught.problems
  // The parser goes down a level for each bracket.
  if (!(caught instanceof RangeError)) throw caught
  return [{ source: '', path: '', line: undefined, column: undefined, message: 'is nested too deeply' }]
}

/** Puts variables back in the place of their values: a message may name what another setting is called. */
function concealer (text: string, environment: Environment): (message: string) => string {
  const named = new Set([...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = '']) => name))
  const values = [...named].flatMap((name) => {
    const value = variable(environment, name)
    return value === undefined || value.length < HIDDEN_CHARACTERS_MIN ? [] : [{ value, shown: `\${${name}}` }]
  })
  return (message) => values.reduce((said, { value, shown }) => said.replaceAll(value, shown), message)
}
