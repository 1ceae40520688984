import { Command } from 'commander'
import { integerUpTo } from './numbers.ts'
import type { CliContext } from './context.ts'
import type { DoctorOptions } from './doctor/examine.ts'

const PRICE_AGE_DAYS_MAX = 120

/** `doctor`: everything that can be looked at before a request is sent, and while the gateway runs. */
export function doctorCommand (context: CliContext): Command {
  return new Command('doctor')
    .description('Looks at everything the gateway needs and says what to do; exit code 1 if something fails, 2 for a bad configuration.')
    .option('--config <file>', 'configuration file; also DASHGATE_CONFIG (default: ./dashgate.yaml if it exists)')
    .option('--price-age-days <number>', 'how old built-in prices may be', integerUpTo(36_500), PRICE_AGE_DAYS_MAX)
    .option('--json', 'print one JSON object')
    .action(async (options: DoctorOptions) => {
      // As with the server: what only this command needs is loaded with it.
      const { examine } = await import('./doctor/examine.ts')
      await examine(options, context)
    })
}
