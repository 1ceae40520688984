import type { Path, Problem } from './problems.ts'
import { variable } from './variables.ts'
import type { Environment } from './variables.ts'

/** A setting given outside of the file, and the name its giver knows it by. */
export interface Override {
  readonly source: 'environment' | 'command line'
  readonly path: Path
  readonly value: unknown
  /** The variable or flag that set what is at this path. */
  name (path: Path): string
}

/** What the start command's flags may set. Secrets are not among them: a process list shows arguments. */
export interface ConfigFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly adminHost?: string
  readonly adminPort?: string
  readonly dataDir?: string
  readonly logLevel?: string
}

interface Setting {
  readonly variable: string
  readonly flag?: { readonly key: keyof ConfigFlags, readonly name: string }
  readonly path: Path
  readonly kind: 'text' | 'integer' | 'secret'
}

const SETTINGS: readonly Setting[] = [
  { variable: 'HOST', flag: { key: 'host', name: '--host' }, path: ['server', 'host'], kind: 'text' },
  { variable: 'PORT', flag: { key: 'port', name: '--port' }, path: ['server', 'port'], kind: 'integer' },
  { variable: 'DASHGATE_ADMIN_HOST', flag: { key: 'adminHost', name: '--admin-host' }, path: ['admin', 'host'], kind: 'text' },
  { variable: 'DASHGATE_ADMIN_PORT', flag: { key: 'adminPort', name: '--admin-port' }, path: ['admin', 'port'], kind: 'integer' },
  { variable: 'DASHGATE_DATA_DIR', flag: { key: 'dataDir', name: '--data-dir' }, path: ['store', 'data_dir'], kind: 'text' },
  { variable: 'LOG_LEVEL', flag: { key: 'logLevel', name: '--log-level' }, path: ['log_level'], kind: 'text' },
  { variable: 'REDIS_URL', path: ['store', 'redis_url'], kind: 'secret' },
  { variable: 'DASHGATE_ADMIN_TOKEN', path: ['secrets', 'admin_token'], kind: 'secret' },
  { variable: 'DASHGATE_BOOTSTRAP_KEY', path: ['secrets', 'bootstrap_key'], kind: 'secret' },
  { variable: 'DASHGATE_SECRET', path: ['secrets', 'master_secret'], kind: 'secret' },
  { variable: 'DASHGATE_SECRET_PREVIOUS', path: ['secrets', 'previous_master_secret'], kind: 'secret' }
]

/** Gives the text of a file, or undefined where there is none. */
export type ReadFile = (path: string) => string | undefined

/** Variables that hold secrets and are read by name in the file or by the loader itself. */
const FURTHER_SECRETS = ['DASHSCOPE_API_KEY']

/** The environment with every secret's `…_FILE` read, so that `${DASHSCOPE_API_KEY}` in the file finds those too. */
export function withSecretFiles (environment: Environment, readFile: ReadFile, problems: Problem[]): Environment {
  const filled: Record<string, string | undefined> = { ...environment }
  const secrets = SETTINGS.filter((setting) => setting.kind === 'secret').map((setting) => setting.variable)
  for (const name of [...secrets, ...FURTHER_SECRETS]) {
    const path = variable(environment, `${name}_FILE`)
    if (path === undefined) continue
    const refuse = (message: string) => problems.push(environmentProblem(`${name}_FILE`, message))
    if (variable(environment, name) !== undefined) refuse(`is set together with ${name}; set only one of them`)
    else filled[name] = secretFrom(path, readFile, refuse)
  }
  return filled
}

function secretFrom (path: string, readFile: ReadFile, refuse: (message: string) => void): string | undefined {
  try {
    const secret = readFile(path)?.trim()
    if (secret === undefined) refuse(`there is no file ${path}`)
    else if (secret === '') refuse(`the file ${path} is empty`)
    return secret
  } catch (cause) {
    refuse(`cannot read ${path}: ${cause instanceof Error ? cause.message : 'unknown error'}`)
    return undefined
  }
}

/** Later ones win: flags come after the environment. */
export function overridesFrom (flags: ConfigFlags, environment: Environment): Override[] {
  const fromEnvironment = SETTINGS.flatMap((setting): Override[] => {
    const text = variable(environment, setting.variable)
    return text === undefined ? [] : [{ source: 'environment', name: () => setting.variable, path: setting.path, value: valueFrom(text, setting) }]
  })
  const fromFlags = SETTINGS.flatMap((setting): Override[] => {
    const { flag } = setting
    const text = flag === undefined ? undefined : flags[flag.key]
    if (flag === undefined || text === undefined) return []
    return [{ source: 'command line', name: () => flag.name, path: setting.path, value: valueFrom(text, setting) }]
  })
  return [...fromEnvironment, ...fromFlags]
}

/** A text that is no integer stays a text, and the schema refuses it under the name it was given by. */
function valueFrom (text: string, setting: Setting): string | number {
  return setting.kind === 'integer' && /^\d{1,9}$/.test(text) ? Number(text) : text
}

function environmentProblem (name: string, message: string): Problem {
  return { source: 'environment', path: name, line: undefined, column: undefined, message }
}
