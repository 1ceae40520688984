import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type Environment = 'python' | 'java' | 'node' | 'curl'

/** What an environment's programs are started with, or why they cannot be. */
export type Preparation =
  | { readonly ready: true, readonly command: readonly string[] }
  | { readonly ready: false, readonly reason: string }

interface Recipe {
  /** The folder of the programs; commands run here. */
  readonly folder: string
  /** Globs in that folder: when one of these files changes, what is installed is out of date. */
  readonly inputs: readonly string[]
  /** The folder that holds what is installed, and a note of the inputs it was installed from. */
  readonly installed: string
  /** Finds what the machine must bring, and throws a sentence that says what is missing. */
  readonly find: () => Promise<Found>
}

interface Found { readonly command: readonly string[], readonly installSteps: ReadonlyArray<readonly string[]> }

type InstallError = Error & { readonly stderr?: string, readonly stdout?: string }

const run = promisify(execFile)
const CLIENTS = import.meta.dirname
const NOTE = '.installed-from'
const INSTALL_TIMEOUT_MS = 600_000
const PROBE_TIMEOUT_MS = 30_000
const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python']
// Debian's own Python lacks ensurepip until python3-venv is installed, and then fails only halfway through `venv`.
const PYTHON_PROBE = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'

const RECIPES: Readonly<Record<Environment, Recipe>> = {
  python: {
    folder: join(CLIENTS, 'python'), inputs: ['requirements.txt'], installed: join(CLIENTS, '.venv'), find: findPython
  },
  java: {
    folder: join(CLIENTS, 'java'), inputs: ['pom.xml', 'src/**/*.java'], installed: join(CLIENTS, 'java', 'target'), find: findJava
  },
  node: {
    folder: join(CLIENTS, 'node'), inputs: ['package-lock.json'], installed: join(CLIENTS, 'node', 'node_modules'), find: findNode
  },
  curl: { folder: join(CLIENTS, 'curl'), inputs: [], installed: join(CLIENTS, 'curl'), find: findCurl }
}

export const ENVIRONMENTS = Object.keys(RECIPES) as readonly Environment[]

const prepared = new Map<Environment, Promise<Preparation>>()

/** Makes sure an environment is installed, which takes minutes the first time, and is asked once per process. */
export function prepareEnvironment (environment: Environment): Promise<Preparation> {
  const preparation = prepared.get(environment) ?? prepare(environment)
  prepared.set(environment, preparation)
  return preparation
}

async function prepare (environment: Environment): Promise<Preparation> {
  const recipe = RECIPES[environment]
  try {
    const { command, installSteps } = await recipe.find()
    await installIfStale(environment, installSteps)
    return { ready: true, command }
  } catch (error) {
    return { ready: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

async function findPython (): Promise<Found> {
  for (const name of PYTHONS) {
    if (!await succeeds([name, '-c', PYTHON_PROBE])) continue
    const folder = RECIPES.python.installed
    const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python')
    const pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    return {
      command: [python],
      installSteps: [[name, '-m', 'venv', '--clear', folder], [...pip, '--require-hashes', '--requirement', 'requirements.txt']]
    }
  }
  throw new Error('needs Python 3.10 or newer with venv')
}

async function findJava (): Promise<Found> {
  if (await javaVersion() < 17) throw new Error('needs Java 17 or newer')
  if (!await succeeds(['mvn', '--version'])) throw new Error('needs Maven (mvn)')
  const target = RECIPES.java.installed
  const classPath = [join(target, 'classes'), join(target, 'dependency', '*')].join(process.platform === 'win32' ? ';' : ':')
  return {
    command: ['java', '-cp', classPath],
    installSteps: [['mvn', '--batch-mode', '--quiet', '--no-transfer-progress', 'compile']]
  }
}

async function findNode (): Promise<Found> {
  if (!await succeeds(['npm', '--version'])) throw new Error('needs npm')
  // Not `npm ci`: some of qwen-code's optional packages for other platforms are not to be had everywhere, so no lockfile
  // can hold them all, and `npm ci` refuses one that does not.
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  return { command: [process.execPath], installSteps: [['npm', 'install', ...options]] }
}

async function findCurl (): Promise<Found> {
  if (!await succeeds(['curl', '--version'])) throw new Error('needs curl')
  return { command: ['sh'], installSteps: [] }
}

/** The major version, 0 without Java. It is printed on standard error. */
async function javaVersion (): Promise<number> {
  const { stderr } = await run('java', ['-version'], { timeout: PROBE_TIMEOUT_MS }).catch(() => ({ stderr: '' }))
  return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
}

async function succeeds ([program = '', ...options]: readonly string[]): Promise<boolean> {
  return await run(program, options, { timeout: PROBE_TIMEOUT_MS }).then(() => true, () => false)
}

async function installIfStale (environment: Environment, steps: ReadonlyArray<readonly string[]>): Promise<void> {
  const { folder, inputs, installed } = RECIPES[environment]
  if (steps.length === 0) return
  const note = join(installed, NOTE)
  const digest = digestOf(folder, inputs)
  if (existsSync(note) && readFileSync(note, 'utf8') === digest) return
  console.error(`installing the ${environment} clients …`)
  for (const [program = '', ...options] of steps) {
    await run(program, options, { cwd: folder, timeout: INSTALL_TIMEOUT_MS }).catch((error: InstallError) => {
      throw new Error(`could not install: ${program} failed: ${firstComplaint(error)}`)
    })
  }
  writeFileSync(note, digest)
}

function digestOf (folder: string, inputs: readonly string[]): string {
  const digest = createHash('sha256')
  for (const path of globSync(inputs, { cwd: folder }).sort()) digest.update(path).update(readFileSync(join(folder, path)))
  return digest.digest('hex')
}

/** Maven complains on standard output, the others on standard error. */
function firstComplaint ({ message, stderr = '', stdout = '' }: InstallError): string {
  return `${stderr}\n${stdout}`.split('\n').find(line => /error/i.test(line))?.trim() ?? message
}
