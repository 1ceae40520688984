import { Command, Option } from 'commander'
import { ROLES } from '../accounts/account.ts'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { CliError, EXIT_CODES, printJson, printLine } from './context.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'
import type { Role } from '../accounts/account.ts'

interface ShownToken {
  readonly id: string
  readonly role: Role
  readonly team?: string | null
  readonly name?: string | null
  readonly created_at: string
  readonly expires_at?: string | null
}

interface CreateOptions extends AdminOptions {
  readonly role: Role
  readonly team?: string
  readonly name?: string
  readonly expiresAt?: string
}

/** `token create`, `token list` and `token revoke`. */
export function tokenCommand (context: CliContext): Command {
  return new Command('token')
    .description('Makes, lists and revokes tokens of the admin API.')
    .addCommand(addAdminOptions(new Command('create')
      .addOption(new Option('--role <role>', 'what its holder may do: everything, see to one team, or read').choices(ROLES).makeOptionMandatory())
      .option('--team <team>', 'the team that is seen to, with --role team')
      .option('--name <text>', 'a name for people')
      .option('--expires-at <time>', 'when the token dies, such as 2027-05-22T00:00:00+08:00'))
      .description('Makes a token and prints it, which is not to be seen again.')
      .action((options: CreateOptions) => create(options, context)))
    .addCommand(addAdminOptions(new Command('list'))
      .description('Lists all tokens but the root token, which is configured or generated.')
      .action((options: AdminOptions) => list(options, context)))
    .addCommand(addAdminOptions(new Command('revoke'))
      .description('Ends a token at once.')
      .argument('<id>', 'the token\'s id, which stands in it too: dga-<id>-...')
      .action((id: string, options: AdminOptions) => revoke(id, options, context)))
}

async function create ({ role, team, name, expiresAt, ...options }: CreateOptions, context: CliContext): Promise<void> {
  if ((role === 'team') !== (team !== undefined)) throw new CliError(EXIT_CODES.misused, '--team goes with --role team, and with no other role.')
  const token = await createAdminClient(options, context).call<ShownToken & { token: string }>('POST', '/tokens', {
    role,
    ...(team === undefined ? {} : { team }),
    ...(name === undefined ? {} : { name }),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt })
  })
  if (options.json === true) printJson(context.stdout, token)
  else printLine(context.stdout, `Token ${token.id} (${roleText(token)}). It is shown only now:\n\n  ${token.token}\n`)
}

async function list (options: AdminOptions, context: CliContext): Promise<void> {
  const tokens = await createAdminClient(options, context).list<ShownToken>('/tokens')
  if (options.json === true) printJson(context.stdout, { data: tokens })
  else if (tokens.length === 0) printLine(context.stdout, 'There are no tokens but the root token.')
  else printLine(context.stdout, tableText(['TOKEN', 'ROLE', 'CREATED', 'EXPIRES', 'NAME'], tokens.map(rowOf)))
}

function rowOf (token: ShownToken): string[] {
  return [token.id, roleText(token), token.created_at, token.expires_at ?? 'never', token.name ?? '']
}

function roleText ({ role, team }: ShownToken): string {
  return role === 'team' ? `lead of ${team}` : role
}

async function revoke (id: string, options: AdminOptions, context: CliContext): Promise<void> {
  await createAdminClient(options, context).call('DELETE', `/tokens/${encodeURIComponent(id)}`)
  if (options.json === true) printJson(context.stdout, { id, revoked: true })
  else printLine(context.stdout, `Token ${id} is revoked.`)
}
