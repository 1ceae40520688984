import { Command } from 'commander'
import type { CliContext } from './context.ts'
import type { ServeOptions } from './serve.ts'

/** `start`: the server, in the foreground. */
export function startCommand (context: CliContext): Command {
  return new Command('start')
    .description('Starts the gateway.')
    .option('--config <file>', 'configuration file; also DASHGATE_CONFIG (default: ./dashgate.yaml if it exists)')
    .option('--host <address>', 'address for clients; also HOST')
    .option('--port <number>', 'port for clients; also PORT')
    .option('--admin-host <address>', 'address for administrators; also DASHGATE_ADMIN_HOST')
    .option('--admin-port <number>', 'port for administrators; also DASHGATE_ADMIN_PORT')
    .option('--data-dir <folder>', 'folder of the database; also DASHGATE_DATA_DIR')
    .option('--log-level <level>', 'how much is logged; also LOG_LEVEL')
    .option('--json', 'print one JSON object instead of the banner')
    .action(async (options: ServeOptions) => {
      // Health checks run every few seconds and must not load the whole server each time.
      const { serve } = await import('./serve.ts')
      await serve(options, context)
    })
}
