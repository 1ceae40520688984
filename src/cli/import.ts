import { Command } from 'commander'
import { ImportError } from '../config/import/source.ts'
import { importLitellm } from '../config/import/litellm.ts'
import { importOneApi } from '../config/import/one-api.ts'
import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/problems.ts'
import { CliError, EXIT_CODES, printJson, printLine, styled } from './context.ts'
import { readInput } from './input-file.ts'
import { writeOwnFile } from './output-file.ts'
import type { CliContext } from './context.ts'
import type { ImportOptions, Imported } from '../config/import/imported.ts'
import type { ImportWarning } from '../config/import/source.ts'
import type { Problem } from '../config/problems.ts'

interface Options { readonly output?: string, readonly force?: true, readonly keepSecrets?: true, readonly json?: true }

type Importer = (text: string, options: ImportOptions) => Imported

/** `import litellm` and `import one-api`. */
export function importCommand (context: CliContext): Command {
  return new Command('import')
    .description('Makes a configuration file of another gateway\'s.')
    .addCommand(formatCommand('litellm', importLitellm, context)
      .description('Makes a configuration file of a LiteLLM proxy\'s config.yaml.')
      .argument('<file>', 'config.yaml, or - for standard input'))
    .addCommand(formatCommand('one-api', importOneApi, context)
      .description('Makes a configuration file of the channels of one-api or new-api.')
      .argument('<file>', 'the rows of the table channels as JSON, or an answer of GET /api/channel/, which has no keys in it; or - for standard input'))
}

function formatCommand (name: string, importer: Importer, context: CliContext): Command {
  return new Command(name)
    .option('--output <file>', 'where to write it (default: standard output)')
    .option('--force', 'write over a file that is there')
    .option('--keep-secrets', 'write secrets into the file, instead of variables to be set')
    .option('--json', 'print one JSON object')
    .action((file: string, options: Options) => importFile(file, importer, options, context))
}

async function importFile (file: string, importer: Importer, options: Options, context: CliContext): Promise<void> {
  const { output, force, keepSecrets, json } = options
  const imported = importedFrom(await readInput(file), importer, { keepSecrets: keepSecrets === true, source: file === '-' ? 'standard input' : file })
  const problems = problemsIn(imported)
  if (output !== undefined) writeOwnFile(output, imported.yaml, force === true)
  if (json === true) {
    const { yaml, warnings, variables } = imported
    printJson(context.stdout, { ...(output === undefined ? { yaml } : { file: output }), variables, warnings, problems })
  } else {
    if (output === undefined) context.stdout.write(imported.yaml)
    report(imported, problems, context)
    if (output !== undefined) printLine(context.stdout, `${output} is written.`)
  }
  if (problems.length > 0) throw new CliError(EXIT_CODES.failed)
}

function importedFrom (text: string, importer: Importer, options: ImportOptions): Imported {
  try {
    return importer(text, options)
  } catch (cause) {
    if (!(cause instanceof ImportError)) throw cause
    throw new CliError(EXIT_CODES.misused, `${options.source} cannot be imported. ${cause.message}`, { cause })
  }
}

const FILE = 'dashgate.yaml'

/** What the check would say, once every variable has a value. */
function problemsIn ({ yaml, variables }: Imported): readonly Problem[] {
  const environment = Object.fromEntries(variables.map(({ name }) => [name, PLACEHOLDER]))
  try {
    loadConfig({ flags: { config: FILE }, environment, readFile: (path) => path === FILE ? yaml : undefined })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.filter(({ message }) => !isOfPlaceholder(message))
    throw error
  }
}

/** Long enough for every secret. What a variable with an address in it holds nobody knows here. */
const PLACEHOLDER = 'x'.repeat(40)

function isOfPlaceholder (message: string): boolean {
  return message.startsWith('must be a URL')
}

/** On standard error, as the file itself may be on standard output. */
function report ({ warnings, variables }: Imported, problems: readonly Problem[], { stderr }: CliContext): void {
  for (const { text, paths: [first, ...others] } of grouped(warnings)) {
    const place = others.length === 0 ? first : `${first} and ${others.length} more`
    printLine(stderr, `${styled(stderr, 'yellow', 'warning:')} ${place === '' ? '' : `${place}: `}${text}`)
  }
  for (const { path, message } of problems) printLine(stderr, `${styled(stderr, 'red', 'problem:')} ${path}: ${message}`)
  if (variables.length === 0) return
  printLine(stderr, '\nSet before the start:')
  for (const { name, path, moved } of variables) printLine(stderr, `  ${name}  ${moved ? `what stands at ${path}` : `named or needed at ${path}`}`)
}

/** The same of many entries of a list is said once. All of it is in the JSON. */
function grouped (warnings: readonly ImportWarning[]): { text: string, paths: [string, ...string[]] }[] {
  const groups = Map.groupBy(warnings, ({ path, message }) => `${path.replaceAll(/\[\d+\]/g, '[]')} ${message}`)
  return [...groups.values()].map(([first, ...others]) => ({
    text: first?.message ?? '', paths: [first?.path ?? '', ...others.map(({ path }) => path)]
  }))
}
