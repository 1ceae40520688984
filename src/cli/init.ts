import { Command } from 'commander'
import { configTemplate } from '../config/template.ts'
import { printJson, printLine } from './context.ts'
import { writeOwnFile } from './output-file.ts'
import type { CliContext } from './context.ts'

interface InitOptions { readonly print?: true, readonly force?: true, readonly json?: true }

/** `init`: a configuration file to begin with. */
export function initCommand (context: CliContext): Command {
  return new Command('init')
    .description('Writes a configuration file that has every setting in it, explained and commented out.')
    .argument('[file]', 'the file to write', './dashgate.yaml')
    .option('--force', 'write over a file that is there')
    .option('--print', 'print it instead')
    .option('--json', 'print one JSON object')
    .action((file: string, options: InitOptions) => { init(file, options, context) })
}

function init (file: string, { print, force, json }: InitOptions, { stdout }: CliContext): void {
  const yaml = configTemplate()
  if (print === true) {
    if (json === true) printJson(stdout, { yaml })
    else stdout.write(yaml)
    return
  }
  writeOwnFile(file, yaml, force === true)
  if (json === true) printJson(stdout, { file })
  else printLine(stdout, `${file} is written. It changes nothing yet; dashgate config check ${file} tells whether it still loads once you have.`)
}
