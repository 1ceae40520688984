import { Command, Option } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { addLimitOptions, settingsFrom } from './limit-options.ts'
import { limitsText } from './limits-text.ts'
import { printJson, printLine } from './context.ts'
import { secondsUpTo } from './times.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'
import type { LimitOptions } from './limit-options.ts'
import type { LimitSettings } from '../accounts/limit-settings.ts'

interface ShownKey extends LimitSettings {
  readonly id: string
  readonly name?: string
  readonly expires_at?: string
  readonly created_at: string
}

interface CreateOptions extends AdminOptions, LimitOptions { readonly expiresAt?: string }

interface RotateOptions extends AdminOptions { readonly grace: number }

interface RotatedKey extends ShownKey { readonly secret: string, readonly former: readonly { readonly until: string }[] }

const GRACE_SECONDS = 3_600
const GRACE_SECONDS_MAX = 30 * 86_400

/** `key create`, `key list`, `key rotate` and `key revoke`. */
export function keyCommand (context: CliContext): Command {
  return new Command('key')
    .description('Makes, lists, rotates and revokes client keys of the running gateway.')
    .addCommand(addAdminOptions(addLimitOptions(new Command('create'))
      .option('--expires-at <time>', 'when the key dies, such as 2027-05-22T00:00:00+08:00'))
      .description('Makes a key and prints its secret, which is not to be seen again.')
      .argument('<team>', 'whose key it is')
      .action((team: string, options: CreateOptions) => create(team, options, context)))
    .addCommand(addAdminOptions(new Command('list'))
      .description('Lists the keys of a team.')
      .argument('<team>', 'the team')
      .action((team: string, options: AdminOptions) => list(team, options, context)))
    .addCommand(addAdminOptions(new Command('rotate'))
      .description('Gives a key another secret and prints it, which is not to be seen again. The one before goes on working for a while.')
      .argument('<id>', 'the key\'s id')
      .addOption(new Option('--grace <duration>', 'how long older secrets work on, such as 90s, 30m, 12h or 7d; 0 ends them at once')
        .argParser(secondsUpTo(GRACE_SECONDS_MAX)).default(GRACE_SECONDS, '1h'))
      .action((id: string, options: RotateOptions) => rotate(id, options, context)))
    .addCommand(addAdminOptions(new Command('revoke'))
      .description('Ends a key at once.')
      .argument('<id>', 'the key\'s id, which stands in its secret too: sk-dg-<id>-...')
      .action((id: string, options: AdminOptions) => revoke(id, options, context)))
}

async function create (team: string, options: CreateOptions, context: CliContext): Promise<void> {
  const settings = await settingsFrom(options)
  if (options.expiresAt !== undefined) settings['expires_at'] = options.expiresAt
  const key = await createAdminClient(options, context).call<ShownKey & { secret: string }>('POST', `${pathOf(team)}/keys`, settings)
  if (options.json === true) {
    printJson(context.stdout, key)
    return
  }
  printLine(context.stdout, `Key ${key.id} of team ${team}. Its secret is shown only now:\n\n  ${key.secret}\n`)
}

async function list (team: string, options: AdminOptions, context: CliContext): Promise<void> {
  const keys = await createAdminClient(options, context).list<ShownKey>(`${pathOf(team)}/keys`)
  if (options.json === true) printJson(context.stdout, { data: keys })
  else if (keys.length === 0) printLine(context.stdout, `Team ${team} has no keys.`)
  else printLine(context.stdout, tableText(['KEY', 'CREATED', 'EXPIRES', 'LIMITS', 'NAME'], keys.map(rowOf)))
}

function rowOf (key: ShownKey): string[] {
  return [key.id, key.created_at, key.expires_at ?? 'never', limitsText(key), key.name ?? '']
}

async function rotate (id: string, options: RotateOptions, context: CliContext): Promise<void> {
  const key = await createAdminClient(options, context)
    .call<RotatedKey>('POST', `/keys/${encodeURIComponent(id)}/rotate`, { grace_seconds: options.grace })
  if (options.json === true) {
    printJson(context.stdout, key)
    return
  }
  const older = key.former.length === 0 ? 'Older secrets work no more.' : `Older secrets work until ${key.former.map(({ until }) => until).join(', ')}.`
  printLine(context.stdout, `Key ${key.id} has another secret, which is shown only now:\n\n  ${key.secret}\n\n${older}`)
}

async function revoke (id: string, options: AdminOptions, context: CliContext): Promise<void> {
  await createAdminClient(options, context).call('DELETE', `/keys/${encodeURIComponent(id)}`)
  if (options.json === true) printJson(context.stdout, { id, revoked: true })
  else printLine(context.stdout, `Key ${id} is revoked.`)
}

function pathOf (team: string): string {
  return `/teams/${encodeURIComponent(team)}`
}
