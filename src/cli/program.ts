import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/problems.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { auditCommand } from './audit.ts'
import { configCommand } from './config.ts'
import { CliError, EXIT_CODES, printJson, printLine, styled } from './context.ts'
import type { CliContext, ExitCode } from './context.ts'
import { doctorCommand } from './doctor.ts'
import { explainCommand } from './explain.ts'
import { healthcheckCommand } from './healthcheck.ts'
import { importCommand } from './import.ts'
import { initCommand } from './init.ts'
import { keyCommand } from './key.ts'
import { printProblems } from './problem-list.ts'
import { simulateCommand } from './simulate.ts'
import { startCommand } from './start.ts'
import { teamCommand } from './team.ts'
import { tokenCommand } from './token.ts'
import { upstreamCommand } from './upstream.ts'
import { usageCommand } from './usage.ts'

/** Runs one command line, without `node` and the script's path. A server it has started goes on running. */
export async function runCommandLine (words: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(words, { from: 'user' })
    return EXIT_CODES.done
  } catch (error) {
    return failureCode(error, words.includes('--json'), context)
  }
}

const COMMANDS = [
  startCommand, initCommand, importCommand, configCommand, doctorCommand, healthcheckCommand, simulateCommand,
  teamCommand, keyCommand, usageCommand, explainCommand, upstreamCommand, tokenCommand, auditCommand
]

/** All commands. Nothing runs until a command line is parsed. */
export function createProgram (context: CliContext): Command {
  const program = new Command('dashgate')
    .description('A gateway for Qwen models: OpenAI and DashScope clients, one key, one bill.')
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => { context.stdout.write(text) },
      writeErr: (text) => { context.stderr.write(text) }
    })
    .showHelpAfterError('(dashgate --help lists commands and options)')
  for (const command of COMMANDS) program.addCommand(inheriting(program, command(context)))
  return program
}

/** Commands that are added rather than declared take nothing over from the program unless told to. */
function inheriting (program: Command, command: Command): Command {
  command.copyInheritedSettings(program)
  for (const child of command.commands) inheriting(command, child)
  return command
}

function failureCode (error: unknown, wantsJson: unknown, { stdout, stderr }: CliContext): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT_CODES.done
    if (wantsJson === true) printJson(stdout, { error: error.message.replace(/^error: /, '') })
    return EXIT_CODES.misused
  }
  if (error instanceof ConfigError) {
    if (wantsJson === true) printJson(stdout, { problems: error.problems })
    else printProblems(stderr, error.problems)
    return EXIT_CODES.misused
  }
  if (error instanceof CliError && error.message === '') return error.exitCode
  const message = error instanceof Error ? error.message : String(error)
  if (wantsJson === true) printJson(stdout, { error: message })
  else printLine(stderr, `${styled(stderr, 'red', 'error:')} ${message}`)
  return error instanceof CliError ? error.exitCode : EXIT_CODES.failed
}
