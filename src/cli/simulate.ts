import { Command } from 'commander'
import closeWithGrace from 'close-with-grace'
import { MODEL_PACE } from '../simulator/pace.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { integerUpTo } from './numbers.ts'
import { printJson, printLine, styled } from './context.ts'
import type { CliContext } from './context.ts'

interface SimulateOptions {
  readonly host: string
  readonly port: number
  readonly tokensPerSecond: number
  readonly charactersPerChunk?: number
  readonly firstTokenDelayMs: number
  readonly json?: true
}

const CLOSE_TIMEOUT_MS = 5_000

/** `simulate`: the stand-in for DashScope on its own. */
export function simulateCommand (context: CliContext): Command {
  return new Command('simulate')
    .description('Runs the built-in simulator of DashScope, which speaks both protocols and costs nothing.')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 takes any free one', integerUpTo(65_535), 8_789)
    .option('--tokens-per-second <number>', 'speed of the answers; 0 sets no limit', integerUpTo(1_000_000), MODEL_PACE.tokensPerSecond)
    .option('--characters-per-chunk <number>', 'length of the pieces of a stream (default: 4 to 8)', integerUpTo(10_000))
    .option('--first-token-delay-ms <number>', 'wait before an answer begins', integerUpTo(600_000), MODEL_PACE.firstTokenDelayMs)
    .option('--json', 'print one JSON object')
    .action((options: SimulateOptions) => simulate(options, context))
}

async function simulate (options: SimulateOptions, { stdout }: CliContext): Promise<void> {
  const length = options.charactersPerChunk
  const simulator = await startSimulator({
    host: options.host,
    port: options.port,
    pace: {
      ...MODEL_PACE,
      firstTokenDelayMs: options.firstTokenDelayMs,
      tokensPerSecond: options.tokensPerSecond === 0 ? Infinity : options.tokensPerSecond,
      ...(length === undefined ? {} : { charactersPerChunkMin: Math.max(length, 1), charactersPerChunkMax: Math.max(length, 1) })
    }
  })
  closeWithGrace({ delay: CLOSE_TIMEOUT_MS, logger: false }, () => simulator.close())
  const urls = { dashscope: `${simulator.url}/api/v1`, openai: `${simulator.url}/compatible-mode/v1` }
  if (options.json === true) {
    printJson(stdout, urls)
    return
  }
  printLine(stdout, `${styled(stdout, 'bold', 'The simulator is ready.')} Every key that begins with sk- is good.`)
  printLine(stdout, `  DashScope SDK  ${urls.dashscope}`)
  printLine(stdout, `  OpenAI SDK     ${urls.openai}`)
}
