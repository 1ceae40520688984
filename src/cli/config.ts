import { Command } from 'commander'
import { loadConfig, readTextFile } from '../config/load.ts'
import { publishedSchema } from '../config/schema.ts'
import { printJson, printLine } from './context.ts'
import type { CliContext } from './context.ts'

/** `config check` and `config schema`. */
export function configCommand (context: CliContext): Command {
  return new Command('config')
    .description('Checks the configuration, or prints its JSON Schema.')
    .addCommand(checkCommand(context))
    .addCommand(schemaCommand(context))
}

function checkCommand (context: CliContext): Command {
  return new Command('check')
    .description('Lists everything that is wrong with the configuration; exit code 2 if anything is.')
    .argument('[file]', 'the file to check instead of DASHGATE_CONFIG or ./dashgate.yaml')
    .option('--json', 'print one JSON object')
    .action((file: string | undefined, options: { json?: true }) => { check(file, options, context) })
}

function check (file: string | undefined, options: { json?: true }, { environment, stdout }: CliContext): void {
  const flags = file === undefined ? {} : { config: file }
  const { config, file: used } = loadConfig({ flags, environment, readFile: readTextFile })
  if (options.json === true) {
    printJson(stdout, { file: used ?? null, problems: [] })
    return
  }
  const what = used === undefined ? 'There is no file, and the defaults and the environment are' : `${used} is`
  printLine(stdout, `${what} fine (upstreams: ${config.upstreams.length}, models beside the built-in ones: ${config.models.length}).`)
}

function schemaCommand (context: CliContext): Command {
  return new Command('schema')
    .description('Prints the JSON Schema of the configuration file, for editors.')
    .option('--json', 'print it on one line')
    .action((options: { json?: true }) => {
      printLine(context.stdout, JSON.stringify(publishedSchema(), undefined, options.json === true ? undefined : 2))
    })
}
