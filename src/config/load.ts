import { readFileSync } from 'node:fs'
import { crossCheck } from './checks.ts'
import { readDocument } from './document.ts'
import type { ConfigDocument } from './document.ts'
import { overridesFrom, withSecretFiles } from './overrides.ts'
import type { ConfigFlags, Override, ReadFile } from './overrides.ts'
import { ConfigError } from './problems.ts'
import type { Path, Problem } from './problems.ts'
import { applySchema } from './validation.ts'
import type { Fault } from './validation.ts'
import { variable } from './variables.ts'
import type { Environment } from './variables.ts'
import type { Config } from './schema.ts'

export interface ConfigSources {
  readonly flags: ConfigFlags
  readonly environment: Environment
  readonly readFile: ReadFile
}

export interface LoadedConfig {
  readonly config: Config
  /** The file it came from, or undefined where there is none. */
  readonly file: string | undefined
}

const DEFAULT_FILE = './dashgate.yaml'
const DASHSCOPE_BASE_URL = 'https://dashscope.aliyuncs.com/api/v1'

/** What a file is read with. */
export interface Surroundings {
  readonly flags: ConfigFlags
  /** With every secret's file read. */
  readonly environment: Environment
}

/** Reads the files that variables name. What is wrong with them is for `loadConfig` to say. */
export function surroundingsOf ({ flags, environment, readFile }: ConfigSources): Surroundings {
  return { flags, environment: withSecretFiles(environment, readFile, []) }
}

/**
 * Flags win over the environment, that over the file, and that over the defaults.
 * @throws ConfigError with everything that is wrong at once
 */
export function loadConfig ({ flags, environment: given, readFile }: ConfigSources): LoadedConfig {
  const problems: Problem[] = []
  const environment = withSecretFiles(given, readFile, problems)
  const file = readConfigFile(flags, environment, readFile, problems)
  const document = readDocument(file?.path ?? DEFAULT_FILE, file?.text ?? '', environment)
  return { config: configOf(document, { flags, environment }, problems), file: file?.path }
}

/**
 * The configuration that a document makes with what surrounds it.
 * @param found what is wrong already
 * @throws ConfigError with everything that is wrong at once
 */
export function configOf (
  document: ConfigDocument, { flags, environment }: Surroundings, found: readonly Problem[] = []
): Config {
  const problems = [...found, ...document.problems]
  // Broken YAML says nothing reliable about the settings in it.
  if (document.isBroken) throw new ConfigError(problems.sort(byPlace))

  const sections = withoutEmptySections(document.value ?? {})
  const overrides = [...overridesFrom(flags, environment), ...defaultUpstream(sections, environment)]
  const value = overrides.reduce(withOverride, sections)
  const { config, faults } = applySchema(value)
  for (const fault of [...faults, ...crossCheck(config, faults)]) addProblem(problems, problemFrom(fault, document, overrides))
  if (problems.length > 0) throw new ConfigError(problems.sort(byPlace))
  return deepFreeze(config)
}

/** The reader for real files. */
export const readTextFile: ReadFile = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

function readConfigFile (flags: ConfigFlags, environment: Environment, readFile: ReadFile, problems: Problem[]) {
  const named = flags.config ?? variable(environment, 'DASHGATE_CONFIG')
  const path = named ?? DEFAULT_FILE
  const refuse = (message: string) => problems.push({ source: path, path: '', line: undefined, column: undefined, message })
  try {
    const text = readFile(path)
    if (text !== undefined) return { path, text }
    if (named !== undefined) refuse('there is no such file')
  } catch (cause) {
    refuse(`cannot be read: ${cause instanceof Error ? cause.message : 'unknown error'}`)
  }
  return undefined
}

/** A section whose every line is commented out is null in YAML; its author means that it is not there. */
function withoutEmptySections (value: unknown): unknown {
  return isMapping(value) ? Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null)) : value
}

/** With a key in the environment and no upstream in the file, DashScope itself is the upstream. */
function defaultUpstream (value: unknown, environment: Environment): Override[] {
  const key = variable(environment, 'DASHSCOPE_API_KEY')
  const configured = isMapping(value) ? value['upstreams'] : undefined
  if (key === undefined || (configured !== undefined && !isEmptyList(configured))) return []
  const baseUrl = variable(environment, 'DASHSCOPE_BASE_URL') ?? DASHSCOPE_BASE_URL
  // The same host offers both protocols, and this variable is documented for either of them.
  const protocol = /\/compatible-mode\/v1\/*$/.test(baseUrl) ? 'openai' : 'dashscope'
  const upstream = { name: 'dashscope', protocol, base_url: baseUrl, keys: [key], builtin_models: true }
  const name = (path: Path) => path[2] === 'base_url' ? 'DASHSCOPE_BASE_URL' : 'DASHSCOPE_API_KEY'
  return [{ source: 'environment', name, path: ['upstreams'], value: [upstream] }]
}

function isEmptyList (value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/** A copy with one setting replaced; where the file has something else than a mapping on the way, the schema refuses that. */
function withOverride (value: unknown, override: Override): unknown {
  return replaced(value, override.path, override.value)
}

function replaced (value: unknown, [step, ...rest]: Path, replacement: unknown): unknown {
  if (step === undefined) return replacement
  if (value !== undefined && value !== null && !isMapping(value)) return value
  return { ...value, [step]: replaced(value?.[step], rest, replacement) }
}

function isMapping (value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A setting that came from outside of the file is at fault there, under the name it has there. */
function problemFrom (fault: Fault, document: ConfigDocument, overrides: readonly Override[]): Problem {
  const override = overrides.findLast(({ path }) => path.every((step, index) => fault.path[index] === step))
  if (override === undefined) return document.problemAt(fault.path, fault.message, fault.at)
  return { source: override.source, path: override.name(fault.path), line: undefined, column: undefined, message: fault.message }
}

/** One place, one problem: the first says what is wrong, and what else follows from it is left out. */
function addProblem (problems: Problem[], problem: Problem): void {
  const known = problems.some(({ source, path, line, column }) =>
    source === problem.source && path === problem.path && line === problem.line && column === problem.column)
  if (!known) problems.push(problem)
}

/** The file's from top to bottom, behind those of the environment and the command line. */
function byPlace (a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}

function deepFreeze<T> (value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}
