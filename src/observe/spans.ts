import { ATTRIBUTES } from './span-names.ts'
import { CHAT, providerOf } from './gen-ai-names.ts'
import { costNano } from '../metering/prices.ts'
import { shownId } from '../relay/upstream-id.ts'
import { statusOf } from './status.ts'
import type { Exchange, Try } from '../relay/exchange.ts'
import type { FinishReason } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'

type Value = string | number | boolean | readonly string[] | undefined
type Attributes = Record<string, Exclude<Value, undefined>>

/** What is told of an exchange as its client sees it. */
export function serverAttributes (exchange: Exchange): Attributes {
  const { usage, model, principal, error } = exchange
  return named({
    method: 'POST',
    route: exchange.call?.path,
    httpStatus: statusOf(exchange),
    errorType: error?.kind,
    requestId: exchange.requestId,
    team: principal.team,
    keyId: principal.keyId,
    surface: exchange.surface.name,
    model: model?.name,
    outcome: exchange.outcome,
    attempts: exchange.attempts,
    costNano: usage === undefined ? undefined : costNano(usage, exchange.price),
    currency: usage === undefined ? undefined : exchange.price?.currency
  })
}

/** What is told of one of its tries. What was answered and used is known of the last. */
export function clientAttributes (exchange: Exchange, one: Try): Attributes {
  const { target: { upstream, model } } = one
  const url = new URL(upstream.baseUrl)
  return named({
    operation: CHAT,
    provider: providerOf(upstream),
    requestModel: model,
    upstream: upstream.name,
    upstreamRequestId: one.upstreamRequestId,
    serverAddress: url.hostname,
    serverPort: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    httpStatus: one.status,
    errorType: one.error?.kind,
    ...requestFacts(exchange),
    ...(one === exchange.tries.at(-1) ? { ...usageFacts(exchange), ...answerFacts(exchange, one) } : {})
  })
}

type Facts = { readonly [Key in keyof typeof ATTRIBUTES]?: Value }

function named (facts: Facts): Attributes {
  const attributes: Attributes = {}
  for (const [key, value] of Object.entries(facts)) {
    if (value !== undefined) attributes[ATTRIBUTES[key as keyof typeof ATTRIBUTES].name] = value
  }
  return attributes
}

/** Numbers alone: a text that a client may choose could be anything. */
function requestFacts ({ call, opened, outputTokensMax }: Exchange): Facts {
  const document = call?.body.document
  // One protocol has its parameters beside the messages, the other in an object of their own.
  const parameters = { ...document, ...document?.['parameters'] as JsonObject | undefined }
  const numberOf = (name: string): number | undefined => {
    const value = parameters[name]
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  }
  const choices = opened?.envelope.choices ?? 1
  return {
    stream: opened?.envelope.stream,
    maxTokens: outputTokensMax ?? opened?.envelope.outputTokensMax,
    choices: choices === 1 ? undefined : choices,
    temperature: numberOf('temperature'),
    topP: numberOf('top_p'),
    topK: numberOf('top_k'),
    seed: numberOf('seed'),
    frequencyPenalty: numberOf('frequency_penalty'),
    presencePenalty: numberOf('presence_penalty')
  }
}

function usageFacts ({ usage }: Exchange): Facts {
  if (usage === undefined) return {}
  return {
    usageSource: usage.source,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cacheReadTokens: usage.cachedInputTokens,
    cacheCreationTokens: usage.inputDetails?.['cache_creation_input_tokens'],
    reasoningTokens: usage.reasoningTokens
  }
}

const REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'stop', length: 'length', 'tool-calls': 'tool_calls', 'content-filter': 'content_filter'
}

function answerFacts (exchange: Exchange, { startedMonotonicMs }: Try): Facts {
  const { told, firstContentMonotonicMs, catalog } = exchange
  const reasons = told?.finishReasons.map((reason) => REASONS[reason]) ?? []
  const isKnown = told?.model !== undefined && catalog.resolve(told.model) !== undefined
  return {
    responseId: shownId(told?.id),
    responseModel: isKnown ? told.model : undefined,
    finishReasons: reasons.length === 0 ? undefined : reasons,
    timeToFirstChunk: firstContentMonotonicMs === undefined ? undefined : (firstContentMonotonicMs - startedMonotonicMs) / 1000
  }
}
