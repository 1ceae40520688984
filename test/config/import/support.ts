import { readFileSync } from 'node:fs'
import { importLitellm } from '../../../src/config/import/litellm.ts'
import { importOneApi } from '../../../src/config/import/one-api.ts'
import { configOf } from '../support.ts'
import type { Config } from '../../../src/config/schema.ts'
import type { ImportOptions, Imported } from '../../../src/config/import/imported.ts'

const OPTIONS: ImportOptions = { keepSecrets: false, source: 'the file' }

export function fixture (name: string): string {
  return readFileSync(new URL(`../../fixtures/import/${name}`, import.meta.url), 'utf8')
}

export const litellm = (text: string, options: Partial<ImportOptions> = {}): Imported => importLitellm(text, { ...OPTIONS, ...options })
export const oneApi = (text: string, options: Partial<ImportOptions> = {}): Imported => importOneApi(text, { ...OPTIONS, ...options })

/** The file as the gateway loads it, with a value in each variable it needs. */
export function loadedFrom ({ yaml, variables }: Imported, values: Readonly<Record<string, string>> = {}): Config {
  const environment = Object.fromEntries(variables.map(({ name }) => [name, values[name] ?? `value-of-${name.toLowerCase()}`]))
  return configOf({ yaml, environment })
}

/** As people read them. */
export function warningsOf ({ warnings }: Imported): string[] {
  return warnings.map(({ path, message }) => `${path}: ${message}`)
}
