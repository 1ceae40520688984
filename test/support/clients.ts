import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareEnvironment } from '../clients/environments.ts'
import type { Environment } from '../clients/environments.ts'

/** Programs that ask models. */
export type ChatClientName = 'openai-python' | 'dashscope-python' | 'dashscope-java' | 'openai-node' | 'ai-sdk' | 'qwen-code' | 'curl'
/** And those that read reports. */
export type ClientName = ChatClientName | 'openai-python-admin' | 'openai-node-admin'

/** Where a client is sent and as whom. */
export interface ClientTarget {
  /** Ends in `/v1`. */
  readonly openaiBaseUrl: string
  /** Ends in `/api/v1`. */
  readonly dashscopeBaseUrl: string
  readonly apiKey: string
  readonly model: string
  /** For those that read reports. */
  readonly admin?: AdminTarget
}

export interface AdminTarget {
  /** Ends in `/v1`. */
  readonly baseUrl: string
  readonly token: string
  /** In seconds. */
  readonly startTime: number
}

interface Client {
  readonly environment: Environment
  /** What follows the environment's command. */
  readonly programArguments: (scenarios: readonly string[]) => readonly string[]
  /** The vendor page's own sample program, run as the scenario `seed`. */
  readonly seedArguments?: readonly string[]
}

const RUN_TIMEOUT_MS = 120_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024
const CLIENTS_FOLDER = join(import.meta.dirname, '..', 'clients')

const CLIENTS: Readonly<Record<ClientName, Client>> = {
  'openai-python': {
    environment: 'python',
    programArguments: scenarios => [inClients('python/openai_client.py'), ...scenarios],
    seedArguments: [inClients('python/openai_seed.py')]
  },
  'openai-python-admin': {
    environment: 'python',
    programArguments: scenarios => [inClients('python/openai_admin.py'), ...scenarios]
  },
  'openai-node-admin': {
    environment: 'node',
    programArguments: scenarios => [inClients('node/openai-admin.js'), ...scenarios]
  },
  'dashscope-python': {
    environment: 'python',
    programArguments: scenarios => [inClients('python/dashscope_client.py'), ...scenarios],
    seedArguments: [inClients('python/dashscope_seed.py')]
  },
  'dashscope-java': {
    environment: 'java',
    programArguments: scenarios => ['Scenarios', ...scenarios],
    seedArguments: ['Main']
  },
  'openai-node': {
    environment: 'node',
    programArguments: scenarios => [inClients('node/openai-client.js'), ...scenarios]
  },
  'ai-sdk': {
    environment: 'node',
    programArguments: scenarios => [inClients('node/ai-sdk-client.js'), ...scenarios]
  },
  'qwen-code': {
    environment: 'node',
    programArguments: ([prompt = '']) => [
      inClients('node/node_modules/@qwen-code/qwen-code/cli-entry.js'), '--auth-type', 'openai', '--bare', '-o', 'json', prompt
    ]
  },
  curl: {
    environment: 'curl',
    programArguments: ([script = '']) => [inClients(`curl/${script}.sh`)]
  }
}

/**
 * For tap's `skip`: false, or why the tests of an environment cannot run. The reason goes into the file named by
 * DASHGATE_SKIPPED_FILE too, and is an error where DASHGATE_SKIP_FORBIDDEN is 1.
 */
export async function reasonToSkip (environment: Environment): Promise<string | false> {
  const preparation = await prepareEnvironment(environment)
  if (preparation.ready) return false
  const reason = `${environment} clients: ${preparation.reason}`
  if (process.env['DASHGATE_SKIP_FORBIDDEN'] === '1') throw new Error(reason)
  const skippedFile = process.env['DASHGATE_SKIPPED_FILE']
  if (skippedFile !== undefined) await appendFile(skippedFile, reason + '\n')
  return reason
}

/** Runs one scenario of a client and returns what it printed. For curl the scenario is the script, for qwen-code the prompt. */
export async function runClient (name: ClientName, scenario: string, target: ClientTarget): Promise<unknown> {
  const { programArguments, seedArguments } = CLIENTS[name]
  const output = await runProgram(name, scenario === 'seed' && seedArguments ? seedArguments : programArguments([scenario]), target)
  const printed: unknown = output.startsWith('{') || output.startsWith('[') ? JSON.parse(output) : output
  return isRecord(printed) && scenario in printed ? printed[scenario] : printed
}

/** Runs all scenarios of a client in one process: what each of them saw, by its name. */
export async function runScenarios (name: ClientName, target: ClientTarget, scenarios: readonly string[] = []): Promise<Record<string, unknown>> {
  const printed: unknown = JSON.parse(await runProgram(name, CLIENTS[name].programArguments(scenarios), target))
  if (!isRecord(printed)) throw new Error(`${name} printed no object`)
  return printed
}

async function runProgram (name: ClientName, programArguments: readonly string[], target: ClientTarget): Promise<string> {
  const preparation = await prepareEnvironment(CLIENTS[name].environment)
  if (!preparation.ready) throw new Error(`${name}: ${preparation.reason}`)
  const home = await mkdtemp(join(tmpdir(), 'dashgate-client-'))
  try {
    return await output([...preparation.command, ...programArguments], { cwd: home, env: environmentOf(target, home) })
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
}

function environmentOf (target: ClientTarget, home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    LANG: 'C.UTF-8',
    PYTHONUTF8: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    JAVA_TOOL_OPTIONS: `-Duser.home=${home} -Dfile.encoding=UTF-8 -XX:TieredStopAtLevel=1`,
    DASHGATE_CLIENT_MODEL: target.model,
    DASHGATE_URL: new URL(target.dashscopeBaseUrl).origin,
    DASHSCOPE_API_KEY: target.apiKey,
    DASHSCOPE_HTTP_BASE_URL: target.dashscopeBaseUrl,
    DASHSCOPE_PROXY_BASE_URL: target.openaiBaseUrl,
    OPENAI_API_KEY: target.apiKey,
    OPENAI_BASE_URL: target.openaiBaseUrl,
    OPENAI_MODEL: target.model,
    ...(target.admin === undefined ? {} : adminEnvironment(target.admin))
  }
}

function adminEnvironment ({ baseUrl, token, startTime }: AdminTarget): NodeJS.ProcessEnv {
  return { OPENAI_ADMIN_KEY: token, DASHGATE_ADMIN_BASE_URL: baseUrl, DASHGATE_START_TIME: String(startTime) }
}

async function output ([program = '', ...options]: readonly string[], where: { cwd: string, env: NodeJS.ProcessEnv }): Promise<string> {
  return await new Promise((resolve, reject) => {
    const limits = { timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES_MAX } as const
    const child = execFile(program, options, { ...where, ...limits }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} failed: ${error.message}\n${stderr}\n${stdout}`))
      else resolve(stdout.trim())
    })
    // Without an end of input qwen-code waits for more of its prompt.
    child.stdin?.end()
  })
}

function inClients (path: string): string {
  return join(CLIENTS_FOLDER, ...path.split('/'))
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
