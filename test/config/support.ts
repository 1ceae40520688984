import { loadConfig } from '../../src/config/load.ts'
import type { LoadedConfig } from '../../src/config/load.ts'
import type { ConfigFlags } from '../../src/config/overrides.ts'
import { ConfigError, problemText } from '../../src/config/problems.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Environment } from '../../src/config/variables.ts'
import { openai } from '../../src/protocols/openai/index.ts'
import type { Protocol } from '../../src/core/protocol.ts'

export interface Given {
  readonly yaml?: string
  readonly flags?: ConfigFlags
  readonly environment?: Environment
  readonly files?: Readonly<Record<string, string>>
}

/** Catalogs never look into a protocol, so one may stand in for the other here. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  ['openai', 'dashscope'].map((name) => [name, { ...openai, name }])
)

export function loaded ({ yaml, flags = {}, environment = {}, files = {} }: Given): LoadedConfig {
  const all: Readonly<Record<string, string | undefined>> = { './dashgate.yaml': yaml, ...files }
  return loadConfig({ flags, environment, readFile: (path) => all[path] })
}

export function configOf (given: Given): Config {
  return loaded(given).config
}

/** What the loader refuses, as people read it; empty where it refuses nothing. */
export function problemsOf (given: Given): string[] {
  try {
    loaded(given)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(problemText)
    throw error
  }
}
