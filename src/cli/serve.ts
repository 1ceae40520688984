import closeWithGrace from 'close-with-grace'
import { buildCatalog, needsSimulator } from '../config/catalog.ts'
import { loadConfig, readTextFile, surroundingsOf } from '../config/load.ts'
import { ConfigError, problemText } from '../config/problems.ts'
import type { ConfigFlags } from '../config/overrides.ts'
import { createReloader } from '../config/reload.ts'
import type { ReloadResult, Reloader, ReloaderDeps } from '../config/reload.ts'
import { durationMs } from '../config/scalars.ts'
import type { Config } from '../config/schema.ts'
import { watchFile, watchSignal } from '../config/triggers.ts'
import { PROTOCOLS } from '../protocols/registry.ts'
import { startServer, systemDeps } from '../server.ts'
import type { RunningServer, ServerDeps } from '../server.ts'
import { MODEL_PACE } from '../simulator/pace.ts'
import { startSimulator } from '../simulator/simulator.ts'
import type { Simulator } from '../simulator/simulator.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { printBanner, startedFacts } from './banner.ts'
import { printJson } from './context.ts'
import type { CliContext } from './context.ts'

export type ServeOptions = ConfigFlags & { readonly json?: true }

/** What `shutdown_timeout` does not cover: answers that are read on for their usage, the last records, the database. */
const CLOSE_MARGIN_MS = 15_000

/** Starts everything and tells how to use it. It returns once the server answers, which then keeps the process alive. */
export async function serve (options: ServeOptions, { environment, stdout }: CliContext): Promise<void> {
  const load = () => loadConfig({ flags: options, environment, readFile: readTextFile })
  const { config, file } = load()
  const deps = systemDeps(config, surroundingsOf({ flags: options, environment, readFile: readTextFile }))
  const simulator = needsSimulator(config) ? await startSimulator({ pace: MODEL_PACE }) : undefined
  const simulatorBaseUrl = simulator === undefined ? undefined : `${simulator.url}/api/v1`
  const build = (next: Config) => buildCatalog(next, PROTOCOLS, { simulatorBaseUrl })
  const server = await orClosing(simulator, () => startServer(config, build(config), deps))
  const report = (result: ReloadResult) => applyReload(result, server, deps)
  const triggers = triggersFor(file, deps)
  const reloader = createReloader({ config, load: () => load().config, build, report }, { clock: deps.clock, triggers })
  closeOnSignal(config, { server, simulator, reloader }, deps)
  const facts = { ...server, version: packageJson.version, catalog: server.catalog(), file, simulated: simulator !== undefined }
  if (options.json === true) printJson(stdout, startedFacts(facts))
  else printBanner(facts, stdout)
}

/** A simulator that nobody asks would keep the process alive. */
async function orClosing<T> (simulator: Simulator | undefined, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    await simulator?.close()
    throw error
  }
}

function triggersFor (file: string | undefined, { logger }: ServerDeps): ReloaderDeps['triggers'] {
  const signal = watchSignal(process, 'SIGHUP')
  if (file === undefined) return [signal]
  const failed = (error: unknown) => logger.warn({ error: messageOf(error) }, 'the configuration file is not watched; SIGHUP reloads it')
  return [signal, watchFile(file, failed)]
}

function applyReload (result: ReloadResult, server: RunningServer, { logger }: ServerDeps): void {
  if (result.outcome === 'kept') {
    server.keepCatalog()
    logger.error(...badConfig(result.error))
    return
  }
  server.swapCatalog(result.catalog, result.config)
  logger.info({ models: result.catalog.models.size }, 'the configuration is reloaded')
  if (result.restartNeeded.length > 0) logger.warn({ sections: result.restartNeeded }, 'some changes wait for a restart')
}

interface Running { readonly server: RunningServer, readonly simulator: Simulator | undefined, readonly reloader: Reloader }

/** The first signal lets streams finish, the second ends the process at once. */
function closeOnSignal (config: Config, { server, simulator, reloader }: Running, { logger }: ServerDeps): void {
  const delay = durationMs(config.server.shutdown_timeout) + CLOSE_MARGIN_MS
  closeWithGrace({ delay, logger: false, skip: ['SIGHUP'] }, async ({ err, signal }) => {
    if (err === undefined) logger.info({ signal }, 'closing')
    else logger.fatal({ error: err.stack }, 'closing after an unforeseen error')
    reloader.close()
    await server.close()
    await simulator?.close()
  })
}

const PROBLEMS_LOGGED_MAX = 50

/** What is said of a configuration that is not taken, to programs and people: places, and no value that may be a secret. */
function badConfig (error: unknown): [object, string] {
  const outcome = 'the configuration is bad; the one before stays'
  if (!(error instanceof ConfigError)) return [{ error: messageOf(error) }, outcome]
  const { problems } = error
  const [first] = problems
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
  return [{ problems: problems.slice(0, PROBLEMS_LOGGED_MAX) }, `${outcome}: ${first === undefined ? '' : problemText(first)}${more}`]
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
