import { Command } from 'commander'
import { addAdminOptions, createAdminClient } from './admin-client.ts'
import { integerUpTo } from './numbers.ts'
import { printJson, printLine, styled } from './context.ts'
import { tableText } from './table.ts'
import type { AdminOptions } from './admin-client.ts'
import type { CliContext } from './context.ts'
import type { ReportBody } from '../limits/reports.ts'

interface ExplainOptions extends AdminOptions {
  readonly key?: string
  readonly inputTokens?: number
  readonly maxTokens?: number
}

interface ShownExplanation {
  readonly allowed: boolean
  readonly refused_by: { readonly message: string } | null
  readonly decided_by: ReportBody | null
  readonly output_tokens_fit: number | null
  readonly limits: readonly ReportBody[]
}

const TOKENS_MAX = 1_000_000_000

/** `explain`: would a request pass, and what decides? */
export function explainCommand (context: CliContext): Command {
  return addAdminOptions(new Command('explain'))
    .description('Tells whether a request would be let in now, and which limit decides. Nothing is sent or counted.')
    .argument('<team>', 'who would ask')
    .argument('<model>', 'for which model')
    .option('--key <id>', 'with which key (default: one without limits of its own)')
    .option('--input-tokens <number>', 'length of the prompt (default: 0)', integerUpTo(TOKENS_MAX))
    .option('--max-tokens <number>', 'longest answer (default: the longest of the model)', integerUpTo(TOKENS_MAX))
    .action((team: string, model: string, options: ExplainOptions) => explain(team, model, options, context))
}

async function explain (team: string, model: string, options: ExplainOptions, context: CliContext): Promise<void> {
  const { key, inputTokens, maxTokens } = options
  const explanation = await createAdminClient(options, context).call<ShownExplanation>('POST', '/explain', {
    team,
    model,
    ...(key === undefined ? {} : { key }),
    ...(inputTokens === undefined ? {} : { input_tokens: inputTokens }),
    ...(maxTokens === undefined ? {} : { output_tokens_max: maxTokens })
  })
  if (options.json === true) {
    printJson(context.stdout, explanation)
    return
  }
  const verdict = explanation.allowed ? styled(context.stdout, 'green', 'allowed') : styled(context.stdout, 'red', 'refused')
  printLine(context.stdout, `${model} for team ${team}: ${verdict}. ${reasonText(explanation)}`)
  if (explanation.limits.length > 0) printLine(context.stdout, `\n${tableText(HEADINGS, explanation.limits.map(rowOf))}`)
}

function reasonText (explanation: ShownExplanation): string {
  const { allowed, refused_by: refusedBy, decided_by: decidedBy, output_tokens_fit: fit, limits } = explanation
  if (refusedBy !== null) return refusedBy.message
  if (decidedBy !== null && !allowed) return `${nameOf(decidedBy)} decides; ${waitText(decidedBy)}.`
  if (limits.length === 0) return 'No limit applies.'
  return fit === null ? 'Every limit allows it.' : `The answer may have ${fit} tokens: more would not fit.`
}

function nameOf ({ scope, per_model: perModel, id }: ReportBody): string {
  return [scope, perModel, id].filter((part) => part !== undefined).join(' ')
}

function waitText ({ retry_after_seconds: seconds }: ReportBody): string {
  return seconds === null ? 'waiting does not help' : `it would allow it in ${seconds} s`
}

const HEADINGS = ['LIMIT', 'UNIT', 'AMOUNT', 'USED', 'HELD', 'REQUESTED', 'REMAINING', 'RESETS', 'ALLOWS']

function rowOf (limit: ReportBody): string[] {
  const { unit, amount, used, held, requested, remaining, allows, resets_at: resetsAt } = limit
  return [nameOf(limit), unit, ...[amount, used, held, requested, remaining].map(String), resetsAt ?? '-', allows ? 'yes' : 'NO']
}
