import { Command, InvalidArgumentError } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { CliError, EXIT_CODES, printJson, printLine, styled } from './context.ts'
import { headFrom, headText, verifyLog } from './audit-chain.ts'
import { integerUpTo } from './numbers.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { AuditEntry, AuditHead } from '../accounts/audit.ts'
import type { CliContext } from './context.ts'
import type { JsonObject } from '../core/json.ts'

/** An entry as the admin API tells of it. */
interface ShownEntry {
  readonly seq: number
  readonly time: string
  readonly actor: string
  readonly role: string
  readonly address: string | null
  readonly request_id: string | null
  readonly action: string
  readonly object: string
  readonly outcome: AuditEntry['outcome']
  readonly detail: JsonObject | null
  readonly previous: string
  readonly hash: string
}

interface ListOptions extends AdminOptions { readonly limit: number }
interface VerifyOptions extends AdminOptions { readonly head?: AuditHead }

const LIST_ENTRIES = 50
const LIST_ENTRIES_MAX = 10_000

/** `audit list` and `audit verify`. */
export function auditCommand (context: CliContext): Command {
  return new Command('audit')
    .description('Shows the log of everything that was changed, and tells whether it is whole.')
    .addCommand(addAdminOptions(new Command('list')
      .option('--limit <number>', 'how many entries', integerUpTo(LIST_ENTRIES_MAX), LIST_ENTRIES))
      .description('Lists who changed what, newest first.')
      .action((options: ListOptions) => list(options, context)))
    .addCommand(addAdminOptions(new Command('verify')
      .option('--head <seq:hash>', 'the head that was printed before, which must still be in the log', parseHead))
      .description('Tells whether the log is one whole chain, and prints its head to be kept elsewhere; exit code 1 if it is broken.')
      .action((options: VerifyOptions) => verify(options, context)))
}

function parseHead (text: string): AuditHead {
  const head = headFrom(text)
  if (head === undefined) throw new InvalidArgumentError('It must be <seq>:<hash>, as it was printed.')
  return head
}

async function list ({ limit, ...options }: ListOptions, context: CliContext): Promise<void> {
  const entries: ShownEntry[] = []
  for await (const page of createAdminClient(options, context).pages<ShownEntry>('/audit')) {
    entries.push(...page.slice(0, limit - entries.length))
    if (entries.length >= limit) break
  }
  if (options.json === true) printJson(context.stdout, { data: entries })
  else if (entries.length === 0) printLine(context.stdout, 'Nothing has been changed.')
  else printLine(context.stdout, tableText(['ENTRY', 'TIME', 'BY', 'FROM', 'OUTCOME', 'ACTION', 'OBJECT'], entries.map(rowOf)))
}

function rowOf ({ seq, time, actor, address, outcome, action, object }: ShownEntry): string[] {
  return [String(seq), time, actor, address ?? '-', outcome, action, object]
}

async function verify (options: VerifyOptions, context: CliContext): Promise<void> {
  const pages = createAdminClient(options, context).pages<ShownEntry>('/audit')
  const verdict = await verifyLog(entriesOf(pages), options.head)
  const { stdout } = context
  if (!verdict.ok) {
    const { seq, why } = verdict
    if (options.json === true) printJson(stdout, { ok: false, seq, why })
    else printLine(stdout, `${styled(stdout, 'red', 'The log is broken')} at entry ${seq}: ${why}.`)
    throw new CliError(EXIT_CODES.failed)
  }
  const head = headText(verdict.head)
  if (options.json === true) {
    printJson(stdout, { ok: true, entries: verdict.head.seq, head })
    return
  }
  const seen = options.head === undefined ? '' : ', and the head that was seen is in it'
  printLine(stdout, `The log is ${styled(stdout, 'green', 'whole')}: ${verdict.head.seq} entries in one chain${seen}.`)
  printLine(stdout, `Keep its head where nobody who can change the log can change it, for --head next time:\n\n  ${head}\n`)
}

async function * entriesOf (pages: AsyncIterable<readonly ShownEntry[]>): AsyncGenerator<readonly AuditEntry[]> {
  for await (const page of pages) yield page.map(entryOf)
}

/** As it was when its hash was made. */
function entryOf ({ time, address, request_id: requestId, detail, ...entry }: ShownEntry): AuditEntry {
  const absent = { address: address ?? undefined, requestId: requestId ?? undefined, detail: detail ?? undefined }
  return { ...entry, ...absent, timeMs: Date.parse(time) }
}
