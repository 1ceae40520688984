import { Command } from 'commander'
import { loadConfig, readTextFile } from '../config/load.ts'
import { CliError, EXIT_CODES, printJson, printLine } from './context.ts'
import type { CliContext } from './context.ts'
import { reachableHost } from './urls.ts'

interface HealthcheckOptions { readonly config?: string, readonly json?: true }

const TIMEOUT_MS = 5_000

/** `healthcheck`: for containers, where no other HTTP client may be at hand. */
export function healthcheckCommand (context: CliContext): Command {
  return new Command('healthcheck')
    .description('Asks the running server whether it is ready; exit code 1 if it is not.')
    .option('--config <file>', 'configuration file; also DASHGATE_CONFIG (default: ./dashgate.yaml if it exists)')
    .option('--json', 'print one JSON object')
    .action((options: HealthcheckOptions) => checkHealth(options, context))
}

async function checkHealth (options: HealthcheckOptions, { environment, stdout }: CliContext): Promise<void> {
  const { server } = loadConfig({ flags: options, environment, readFile: readTextFile }).config
  const url = `http://${reachableHost(server.host)}:${server.port}/readyz`
  const status = await statusOf(url)
  if (status !== 200) throw new CliError(EXIT_CODES.failed, `${url} answers with status ${status}`)
  if (options.json === true) printJson(stdout, { url, ready: true })
  else printLine(stdout, `${url} is ready`)
}

async function statusOf (url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' })
    await response.body?.cancel()
    return response.status
  } catch (cause) {
    throw new CliError(EXIT_CODES.failed, `${url} cannot be reached`, { cause })
  }
}
