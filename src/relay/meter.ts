import { GatewayError, isSilence } from '../core/errors.ts'
import { NO_USAGE } from '../core/usage.ts'
import { TokenCounterError } from '../tokens/counter.ts'
import { countOutput, countThoughts } from './count-output.ts'
import { createHoldWatch } from './hold-watch.ts'
import { recordOf, supersededRecordOf } from './record.ts'
import { thoughtsIn } from '../core/transcript.ts'
import type { AnswerFacts } from '../core/event.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from './exchange.ts'
import type { HoldWatch } from './hold-watch.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { TokenCounter } from '../tokens/counter.ts'
import type { Transcript } from '../core/transcript.ts'
import type { Usage } from '../core/usage.ts'

/** What an answer has amounted to so far: the upstream's own count, or else the text to count. */
export interface Tally {
  usage (): Usage | undefined
  /** What was written, for a count of ours. */
  transcripts (): readonly Transcript[]
  /** Whether any of it is a chain of thought. */
  readonly hasThoughts: boolean
  /** At least as many as the output so far has tokens, if no count of the upstream's is known. */
  outputBytes (): number
  told? (): AnswerFacts
}

/** Watches one exchange and settles each attempt that may have been billed, and the exchange's end, exactly once. */
export interface Meter {
  /** An upstream has said 2xx: from here on the exchange may have been billed there. */
  answered (): void
  contentSeen (): void
  /** Where to read what has passed so far. It is asked at most once, at the end, whatever the end was. */
  watch (tally: Tally): void
  /** Whether more has come than is held for the answer. */
  pastHold (): boolean
  /** No word came of the present attempt, and another is to follow: it is settled by itself. */
  supersede (failure: GatewayError): Promise<void>
  finish (): Promise<void>
}

export interface MeterDeps { readonly clock: Clock, readonly tokens: TokenCounter }

export function createMeter (exchange: Exchange, { clock, tokens }: MeterDeps): Meter {
  let isBillable = false
  let tally: Tally | undefined
  let isFinished = false
  let holdWatch: HoldWatch | undefined

  return {
    answered () { isBillable = true },
    contentSeen () { exchange.firstContentMonotonicMs ??= clock.monotonicMs() },
    watch (seen) { tally = seen },
    pastHold () {
      const heldTokens = exchange.admission?.outputTokensHeld
      if (tally === undefined || heldTokens === undefined || exchange.model === undefined) return false
      holdWatch ??= createHoldWatch(heldTokens, exchange.model, tokens)
      return holdWatch(tally)
    },
    async supersede (failure) {
      await settle(() => estimate(exchange, [], tokens), (usage) =>
        supersededRecordOf(exchange, { usage, error: failure, nowMonotonicMs: clock.monotonicMs() }))
      exchange.recordNumber++
      exchange.sent = false
    },
    async finish () {
      if (isFinished) return
      isFinished = true
      const outcome = exchange.outcome = outcomeOf(exchange)
      exchange.told = tally?.told?.()
      exchange.usage = await settle(() => usageOf(exchange, isBillable, { tally, tokens }), (usage) =>
        recordOf(exchange, { usage, outcome, error: exchange.error, nowMonotonicMs: clock.monotonicMs() }))
    }
  }

  /** Ends the present admission, if there is one. */
  async function settle (
    usageOf: () => Promise<Usage | undefined>, recordOf: (usage: Usage) => LedgerRecord
  ): Promise<Usage | undefined> {
    const { admission } = exchange
    if (admission === undefined) return undefined
    let usage: Usage | undefined
    try {
      usage = await usageOf()
    } catch (cause) {
      // What it used is not known. Its lease runs out, and then all that was held for it is charged.
      admission.abandon()
      throw cause
    }
    await admission.settle(usage ?? 'void', recordOf(usage ?? NO_USAGE))
    return usage
  }
}

/** What the exchange used, or undefined where it cost nothing. */
async function usageOf (
  exchange: Exchange, isBillable: boolean, { tally, tokens }: { readonly tally: Tally | undefined, readonly tokens: TokenCounter }
): Promise<Usage | undefined> {
  if (exchange.target === undefined || !(isBillable || isUncertain(exchange))) return undefined
  const reported = believable(tally?.usage(), exchange)
  if (reported === undefined && isRefusal(exchange)) return undefined
  if (reported !== undefined) return await withThoughts(reported, tally, tokens)
  return await estimate(exchange, tally === undefined && isBillable ? undefined : tally?.transcripts() ?? [], tokens)
}

function outcomeOf (exchange: Exchange): NonNullable<Exchange['outcome']> {
  if (exchange.cut) return 'cut'
  if (exchange.error === undefined) return 'completed'
  return exchange.error.kind === 'client_closed' ? 'client_closed' : 'failed'
}

/** A try went out and no word came back: the upstream has probably read the prompt and billed for it. */
function isUncertain ({ error, sent }: Exchange): boolean {
  return sent && error !== undefined && isSilence(error)
}

/** The upstream's 200 turned out to be an error, and nothing was generated before it. */
function isRefusal ({ error, firstContentMonotonicMs }: Exchange): boolean {
  return error?.upstream !== undefined && firstContentMonotonicMs === undefined
}

/** A report beyond what the model can hold is not believed; the text is counted instead. */
function believable (reported: Usage | undefined, { model, opened }: Exchange): Usage | undefined {
  if (reported === undefined || model === undefined || opened === undefined) return reported
  const outputTokensMax = model.contextTokens * opened.envelope.choices
  return reported.inputTokens <= model.contextTokens && reported.outputTokens <= outputTokensMax ? reported : undefined
}

/** An answer with a chain of thought may have another price. Some upstreams do not say how much of it was thought. */
async function withThoughts (reported: Usage, tally: Tally | undefined, tokens: TokenCounter): Promise<Usage> {
  if (reported.reasoningTokens > 0 || tally?.hasThoughts !== true) return reported
  const reasoningTokens = await countedThoughts(tally.transcripts(), tokens)
  return { ...reported, reasoningTokens: Math.min(reported.outputTokens, Math.max(1, reasoningTokens)) }
}

/** @param written what came of the answer; undefined where one began that cannot be read at all */
async function estimate (exchange: Exchange, written: readonly Transcript[] | undefined, tokens: TokenCounter): Promise<Usage> {
  if (exchange.opened === undefined) return NO_USAGE
  const { envelope } = exchange.opened
  const { inputTokensMax = Infinity, outputTokensMax = Infinity } = exchange.model ?? {}
  const outputTokensAtMost = exchange.admission?.outputTokensHeld ?? outputTokensMax * envelope.choices
  const inputTokens = heldForMedia(exchange) ?? exchange.inputTokensCounted ??
    await counted(() => tokens.count(envelope.prompt()), exchange.call?.body.bytes.length ?? 0)
  const answerTokens = written === undefined ? exchange.admission?.outputTokensHeld ?? 0 : await countedOutput(written, tokens)
  const outputTokens = exchange.cut ? answerTokens : Math.min(answerTokens, outputTokensAtMost)
  return {
    ...NO_USAGE,
    inputTokens: Math.min(inputTokens, inputTokensMax),
    outputTokens,
    reasoningTokens: Math.min(outputTokens, await countedThoughts(written ?? [], tokens))
  }
}

/** Pictures, films and sounds cannot be counted: where they were held for, that is the estimate. */
function heldForMedia ({ opened, inputTokensHeld }: Exchange): number | undefined {
  const { pictures = 0, others = 0 } = opened?.envelope.media ?? {}
  return pictures + others > 0 ? inputTokensHeld : undefined
}

async function countedOutput (written: readonly Transcript[], tokens: TokenCounter): Promise<number> {
  return await counted(() => countOutput(written, tokens), bytesOf(written.map(({ text }) => text)))
}

async function countedThoughts (written: readonly Transcript[], tokens: TokenCounter): Promise<number> {
  return await counted(() => countThoughts(written, tokens), bytesOf(written.map(thoughtsIn)))
}

function bytesOf (texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0)
}

/**
 * A count, or the bound that holds for any text, a byte for each token: the counter may be busy, and the byte lane carries
 * prompts that cannot be put in canonical form.
 */
async function counted (count: () => number | Promise<number>, bytes: number): Promise<number> {
  try {
    return await count()
  } catch (cause) {
    if (cause instanceof TokenCounterError || cause instanceof GatewayError) return bytes
    throw cause
  }
}
