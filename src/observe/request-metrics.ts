import { CHAT, inputModalities, outputModalities } from './gen-ai-names.ts'
import { NO_UPSTREAM, UNKNOWN_MODEL } from './label-values.ts'
import { statusOf } from './status.ts'
import type { Exchange } from '../relay/exchange.ts'
import type { Instruments } from './instruments.ts'
import type { LabelValues } from './label-values.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { Modality } from './gen-ai-names.ts'

/** Figures of requests and of what they cost. */
export interface RequestMetrics {
  record (exchange: Exchange, durationMs: number): void
  /** What goes into the ledger is counted where it does, so that both have the same sums. */
  charged (record: LedgerRecord): void
}

export function createRequestMetrics (instruments: Instruments, labels: LabelValues): RequestMetrics {
  return {
    record (exchange, durationMs) {
      // A name that is in no catalog was made up by a client: it must not become a series.
      const model = exchange.model?.name ?? UNKNOWN_MODEL
      const upstream = exchange.target?.upstream.name ?? NO_UPSTREAM
      const outcome = exchange.outcome ?? 'failed'
      const status = `${Math.floor(statusOf(exchange) / 100)}xx`
      const error = exchange.error?.kind ?? 'none'
      instruments.requests.inc({ surface: exchange.surface.name, model, upstream, outcome, error, status })
      instruments.teamRequests.inc({ team: labels.team(exchange.principal.team), outcome, status })
      instruments.duration.observe({ model, upstream }, durationMs / 1000)
      for (const { target, error } of exchange.tries) {
        instruments.attempts.inc({ upstream: target.upstream.name, error: error?.kind ?? 'none' })
      }
      if (exchange.admission === undefined) countRefusal(exchange, instruments, labels)
      const { firstContentMonotonicMs, startedMonotonicMs } = exchange
      if (firstContentMonotonicMs === undefined) return
      instruments.firstContent.observe({ model, upstream }, (firstContentMonotonicMs - startedMonotonicMs) / 1000)
    },
    charged (record) {
      countTokens(record, instruments, labels)
      countMoney(record, instruments, labels)
      countInference(record, instruments, labels)
    }
  }
}

function countRefusal ({ limits }: Exchange, { limitRefusals }: Instruments, labels: LabelValues): void {
  const report = limits.find(({ allows }) => !allows)
  if (report === undefined) return
  const { scope, kind } = report
  const unit = report.unit === 'tokens' || report.unit === 'requests' ? report.unit : labels.currency(report.unit)
  limitRefusals.inc({ scope, kind, unit })
}

function countTokens ({ model, team, usage }: LedgerRecord, { tokens, teamTokens }: Instruments, labels: LabelValues): void {
  const { source } = usage
  const counts = {
    input: usage.inputTokens, cached: usage.cachedInputTokens, output: usage.outputTokens, reasoning: usage.reasoningTokens
  }
  for (const [direction, count] of Object.entries(counts)) {
    tokens.inc({ model, direction, source }, count)
    teamTokens.inc({ team: labels.team(team), direction }, count)
  }
}

function countMoney (record: LedgerRecord, { cost, teamCost }: Instruments, labels: LabelValues): void {
  const { model, upstream, team, costNano, currency } = record
  if (currency === undefined) return
  const known = labels.currency(currency)
  cost.inc({ model, upstream: upstream === '' ? NO_UPSTREAM : upstream, currency: known }, costNano)
  teamCost.inc({ team: labels.team(team), currency: known }, costNano)
}

function countInference ({ model, upstream, usage }: LedgerRecord, instruments: Instruments, labels: LabelValues): void {
  // What never reached an upstream was no inference.
  if (upstream === '') return
  const common = { gen_ai_operation_name: CHAT, gen_ai_provider_name: labels.provider(upstream), gen_ai_request_model: model }
  const count = (counter: Instruments['genAiInput'], counts: ReadonlyMap<Modality, number>): void => {
    for (const [modality, tokens] of counts) counter.inc({ ...common, gen_ai_token_modality: modality }, tokens)
  }
  const [input, output] = [inputModalities(usage), outputModalities(usage)]
  count(instruments.genAiInput, input)
  count(instruments.genAiOutput, output)
  count(instruments.genAiCacheRead, partOf(input, usage.cachedInputTokens))
  count(instruments.genAiCacheWrite, partOf(input, usage.inputDetails?.['cache_creation_input_tokens'] ?? 0))
  count(instruments.genAiReasoning, partOf(output, usage.reasoningTokens))
  instruments.genAiInputSizes.observe(common, usage.inputTokens)
  instruments.genAiOutputSizes.observe(common, usage.outputTokens)
}

/** Some of the tokens: of the kind that all of them are, or of nobody knows which. */
function partOf (whole: ReadonlyMap<Modality, number>, tokens: number): ReadonlyMap<Modality, number> {
  const [only = 'unknown'] = whole.keys()
  return new Map([[whole.size === 1 ? only : 'unknown', tokens]])
}
