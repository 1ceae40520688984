import { CATALOG_DATE } from '../../config/models.ts'
import { ConfigError, problemText } from '../../config/problems.ts'
import { PROTOCOLS } from '../../protocols/registry.ts'
import { buildCatalog } from '../../config/catalog.ts'
import { loadConfig, readTextFile } from '../../config/load.ts'
import { systemClock } from '../../system.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { CliError, EXIT_CODES, printJson, printLine, styled } from '../context.ts'
import { checkDataFolder, checkNode } from './machine.ts'
import { checkGateway } from './gateway.ts'
import { checkModels } from './models.ts'
import { checkSecrets } from './secrets.ts'
import { checkStore } from './store.ts'
import { checkUpstreams } from './upstreams.ts'
import { counted, findingsFor } from './finding.ts'
import { runChecks } from './run-checks.ts'
import type { CliContext } from '../context.ts'
import type { Check, Finding, Level } from './finding.ts'
import type { LoadedConfig } from '../../config/load.ts'

export interface DoctorOptions { readonly config?: string, readonly priceAgeDays: number, readonly json?: true }

/** Prints what it finds. @throws CliError without words where that ends the command with another code than 0 */
export async function examine (options: DoctorOptions, context: CliContext): Promise<void> {
  const node = checkNode(process.version, packageJson.engines.node)
  const { loaded, found } = load(options, context)
  if (loaded === undefined) {
    report([node, ...found], options, context)
    throw new CliError(EXIT_CODES.misused)
  }
  const deps = { clock: systemClock, progress: progressOn(context.stderr) }
  const findings = [node, ...found, ...await runChecks(checksOf(loaded, options), deps)]
  report(findings, options, context)
  if (findings.some(({ level }) => level === 'fail')) throw new CliError(EXIT_CODES.failed)
}

interface Loading { readonly loaded: LoadedConfig | undefined, readonly found: readonly Finding[] }

function load ({ config }: DoctorOptions, { environment }: CliContext): Loading {
  const { ok, fail } = findingsFor('config')
  try {
    const loaded = loadConfig({ flags: config === undefined ? {} : { config }, environment, readFile: readTextFile })
    const what = loaded.file === undefined ? 'there is no file, and the defaults and the environment are' : `${loaded.file} is`
    return { loaded, found: [ok(`${what} fine`)] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const advice = 'Nothing else can be looked at until the configuration loads.'
    return { loaded: undefined, found: error.problems.map((problem) => fail(problemText(problem), advice)) }
  }
}

function checksOf (loaded: LoadedConfig, { priceAgeDays }: DoctorOptions): Check[] {
  const { config } = loaded
  const deps = { clock: systemClock, random: () => 0 }
  const age = { catalogDate: CATALOG_DATE, nowMs: systemClock.nowMs(), daysMax: priceAgeDays }
  return [
    { name: 'data_dir', run: async () => checkDataFolder(config.store.data_dir) },
    { name: 'secrets', run: async () => checkSecrets(loaded) },
    { name: 'store', run: async () => await checkStore(config, deps) },
    { name: 'gateway', run: async () => await checkGateway(config) },
    { name: 'upstream', run: async () => await checkUpstreams(config, deps) },
    { name: 'models', run: async () => checkModels(config, buildCatalog(config, PROTOCOLS, { simulatorBaseUrl: 'http://127.0.0.1' }), age) }
  ]
}

/** On terminals alone; what is printed in the end takes its place. */
function progressOn (stderr: NodeJS.WriteStream): (check: string, left: number) => void {
  if (!stderr.isTTY) return () => {}
  return (check, left) => { stderr.write(left === 0 ? '\r\u001B[K' : `\r\u001B[K${check} is done, ${counted(left, 'check')} to go`) }
}

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const satisfies Record<Level, readonly [string, string]>

function report (findings: readonly Finding[], { json }: DoctorOptions, { stdout }: CliContext): void {
  const count = (wanted: Level): number => findings.filter(({ level }) => level === wanted).length
  const [warnings, failures] = [count('warn'), count('fail')]
  if (json === true) {
    printJson(stdout, { ok: failures === 0, warnings, failures, findings })
    return
  }
  for (const { check, level, message, advice } of findings) {
    const [style, mark] = MARKS[level]
    printLine(stdout, `${styled(stdout, style, mark)}  ${check.padEnd(8)}  ${message}`)
    if (advice !== undefined) printLine(stdout, `${' '.repeat(16)}→ ${advice}`)
  }
  printLine(stdout, `\n${counted(failures, 'failure')}, ${counted(warnings, 'warning')}.`)
}
