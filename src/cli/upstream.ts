import { Command } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { printJson, printLine } from './context.ts'
import { readSecret } from './input-file.ts'
import { integerUpTo } from './numbers.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'

interface ShownKey {
  readonly id: string
  readonly origin: string
  readonly state: string
  readonly in_flight: number
  readonly weight: number
}

interface ShownUpstream {
  readonly name: string
  readonly protocol: string
  readonly base_url: string
  readonly drained: boolean
  readonly keys: readonly ShownKey[]
}

interface AddKeyOptions extends AdminOptions { readonly keyFile: string, readonly weight?: number, readonly workspace?: string }

interface DrainOptions extends AdminOptions { readonly key?: string }

const WEIGHT_MAX = 1_000

/** `upstream list`, `add-key`, `remove-key`, `drain` and `resume`. */
export function upstreamCommand (context: CliContext): Command {
  return new Command('upstream')
    .description('Lists upstreams and their keys, adds keys, and takes either out of use.')
    .addCommand(addAdminOptions(new Command('list'))
      .description('Lists all upstreams with their keys, by fingerprint.')
      .action((options: AdminOptions) => list(options, context)))
    .addCommand(addAdminOptions(new Command('add-key')
      .requiredOption('--key-file <file>', 'a file with the key, or - for standard input')
      .option('--weight <number>', 'share of the requests among the upstream\'s keys (default: 1)', integerUpTo(WEIGHT_MAX))
      .option('--workspace <id>', 'the DashScope workspace that the key\'s requests are sent for'))
      .description('Adds a key to an upstream, which is kept encrypted.')
      .argument('<upstream>', 'the upstream\'s name')
      .action((name: string, options: AddKeyOptions) => addKey(name, options, context)))
    .addCommand(addAdminOptions(new Command('remove-key'))
      .description('Removes a key that was added. A configured one can be drained.')
      .argument('<upstream>', 'the upstream\'s name')
      .argument('<id>', 'the key\'s fingerprint')
      .action((name: string, id: string, options: AdminOptions) => removeKey(name, id, options, context)))
    .addCommand(drainOptions('drain')
      .description('Sends nothing new to an upstream, or with one of its keys. What is under way goes on.')
      .action((name: string, options: DrainOptions) => drain(name, true, options, context)))
    .addCommand(drainOptions('resume')
      .description('Puts an upstream, or one of its keys, back into use.')
      .action((name: string, options: DrainOptions) => drain(name, false, options, context)))
}

function drainOptions (name: string): Command {
  return addAdminOptions(new Command(name)
    .argument('<upstream>', 'the upstream\'s name')
    .option('--key <id>', 'the fingerprint of one of its keys (default: the whole upstream)'))
}

async function list (options: AdminOptions, context: CliContext): Promise<void> {
  const { data: upstreams } = await createAdminClient(options, context).call<{ data: readonly ShownUpstream[] }>('GET', '/upstreams')
  if (options.json === true) printJson(context.stdout, { data: upstreams })
  else printLine(context.stdout, tableText(HEADINGS, upstreams.flatMap(rowsOf)))
}

const HEADINGS = ['UPSTREAM', 'PROTOCOL', 'KEY', 'ORIGIN', 'STATE', 'WEIGHT', 'IN FLIGHT', 'BASE URL']

/** One for each key. */
function rowsOf ({ name, protocol, base_url: baseUrl, drained, keys }: ShownUpstream): string[][] {
  if (keys.length === 0) return [[name, protocol, 'none', '', drained ? 'drained' : '', '', '', baseUrl]]
  return keys.map((key) => [
    name, protocol, key.id, key.origin, drained ? 'drained' : key.state, String(key.weight), String(key.in_flight), baseUrl
  ])
}

async function addKey (name: string, options: AddKeyOptions, context: CliContext): Promise<void> {
  const { keyFile, weight, workspace } = options
  const key = await createAdminClient(options, context).call<ShownKey>('POST', `${pathOf(name)}/keys`, {
    key: await readSecret(keyFile),
    ...(weight === undefined ? {} : { weight }),
    ...(workspace === undefined ? {} : { workspace })
  })
  if (options.json === true) printJson(context.stdout, key)
  else printLine(context.stdout, `Key ${key.id} is added to ${name}.`)
}

async function removeKey (name: string, id: string, options: AdminOptions, context: CliContext): Promise<void> {
  await createAdminClient(options, context).call('DELETE', keyPathOf(name, id))
  if (options.json === true) printJson(context.stdout, { upstream: name, key: id, removed: true })
  else printLine(context.stdout, `Key ${id} of ${name} is removed.`)
}

async function drain (name: string, drained: boolean, options: DrainOptions, context: CliContext): Promise<void> {
  const { key, json } = options
  await createAdminClient(options, context).call('POST', `${key === undefined ? pathOf(name) : keyPathOf(name, key)}/drain`, { drained })
  if (json === true) {
    printJson(context.stdout, { upstream: name, key: key ?? null, drained })
    return
  }
  const what = key === undefined ? name : `Key ${key} of ${name}`
  printLine(context.stdout, drained ? `${what} is drained: nothing new is sent, and what is under way goes on.` : `${what} is in use again.`)
}

function pathOf (name: string): string {
  return `/upstreams/${encodeURIComponent(name)}`
}

function keyPathOf (name: string, id: string): string {
  return `${pathOf(name)}/keys/${encodeURIComponent(id)}`
}
