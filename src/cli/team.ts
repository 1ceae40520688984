import { Command, Option } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { addLimitOptions, settingsFrom } from './limit-options.ts'
import { CliError, EXIT_CODES, printJson, printLine } from './context.ts'
import { limitsText } from './limits-text.ts'
import { tableText } from './table.ts'
import { ON_STORE_DOWN } from '../accounts/account.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'
import type { LimitOptions, Settings } from './limit-options.ts'
import type { LimitSettings } from '../accounts/limit-settings.ts'

interface ShownTeam extends LimitSettings { readonly id: string, readonly name?: string, readonly revision: number }

interface TeamOptions extends AdminOptions, LimitOptions { readonly onStoreDown?: string }

/** `team create`, `team list` and `team set`. */
export function teamCommand (context: CliContext): Command {
  return new Command('team')
    .description('Makes, lists and changes teams of the running gateway.')
    .addCommand(teamOptions(new Command('create'))
      .description('Makes a team.')
      .argument('<id>', 'letters a to z, digits, _ and -')
      .action((id: string, options: TeamOptions) => create(id, options, context)))
    .addCommand(addAdminOptions(new Command('list'))
      .description('Lists all teams with their limits.')
      .action((options: AdminOptions) => list(options, context)))
    .addCommand(teamOptions(new Command('set'))
      .description('Changes what the options name, and leaves the rest. null in --settings takes a setting away.')
      .argument('<id>', 'the team')
      .action((id: string, options: TeamOptions) => set(id, options, context)))
}

function teamOptions (command: Command): Command {
  return addAdminOptions(addLimitOptions(command)
    .addOption(new Option('--on-store-down <policy>', 'what to do while limits cannot be asked for').choices(ON_STORE_DOWN)))
}

async function create (id: string, options: TeamOptions, context: CliContext): Promise<void> {
  const settings = await teamSettings(options)
  show(await createAdminClient(options, context).call<ShownTeam>('POST', '/teams', { ...settings, id }), options, context)
}

async function set (id: string, options: TeamOptions, context: CliContext): Promise<void> {
  const client = createAdminClient(options, context)
  const path = `/teams/${encodeURIComponent(id)}`
  const current = await client.call<ShownTeam>('GET', path)
  const settings = await teamSettings(options, { ...current })
  if (Object.keys(settings).length === 0) throw new CliError(EXIT_CODES.misused, 'Nothing is to be set: name at least one option.')
  // Budgets were put together from this revision, so another one must not be overwritten by them.
  const revision = options.budget === undefined ? {} : { revision: current.revision }
  show(await client.call<ShownTeam>('PATCH', path, { ...revision, ...settings }), options, context)
}

async function teamSettings (options: TeamOptions, current?: Settings): Promise<Settings> {
  const settings = await settingsFrom(options, current)
  return options.onStoreDown === undefined ? settings : { ...settings, on_store_down: options.onStoreDown }
}

function show (team: ShownTeam, options: AdminOptions, { stdout }: CliContext): void {
  if (options.json === true) printJson(stdout, team)
  else printLine(stdout, `Team ${team.id} (revision ${team.revision}): ${limitsText(team)}`)
}

async function list (options: AdminOptions, context: CliContext): Promise<void> {
  const teams = await createAdminClient(options, context).list<ShownTeam>('/teams')
  if (options.json === true) printJson(context.stdout, { data: teams })
  else if (teams.length === 0) printLine(context.stdout, 'There are no teams.')
  else printLine(context.stdout, tableText(['TEAM', 'LIMITS', 'NAME'], teams.map((team) => [team.id, limitsText(team), team.name ?? ''])))
}
