import { isObject, objectAt } from '../../core/json.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { isCountName, isTokenCount, totalTokens } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import type { WireUsage } from './wire.ts'

/** A `usage` object as Usage; undefined where it is none or its counts cannot be believed. */
export function parseUsage (value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined
  const inputTokens = value['prompt_tokens']
  const outputTokens = value['completion_tokens']
  if (!isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return undefined
  const inputDetails = countsOf(objectAt(value, 'prompt_tokens_details'))
  const outputDetails = countsOf(objectAt(value, 'completion_tokens_details'))
  renameCount(inputDetails, 'cache_write_tokens', 'cache_creation_input_tokens')
  const cachedInputTokens = takeCount(inputDetails, 'cached_tokens', inputTokens)
  const reasoningTokens = takeCount(outputDetails, 'reasoning_tokens', outputTokens)
  return {
    inputTokens,
    cachedInputTokens,
    outputTokens,
    reasoningTokens,
    source: 'reported',
    ...(inputDetails.size === 0 ? {} : { inputDetails: Object.fromEntries(inputDetails) }),
    ...(outputDetails.size === 0 ? {} : { outputDetails: Object.fromEntries(outputDetails) })
  }
}

export function renderUsage (usage: Usage): WireUsage {
  // DashScope's name for tokens written to a cache is kept, and OpenAI's own is said beside it.
  const written = usage.inputDetails?.['cache_creation_input_tokens']
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: totalTokens(usage),
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(written === undefined ? {} : { cache_write_tokens: written }),
      ...usage.inputDetails
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens, ...usage.outputDetails }
  }
}

const DETAILS_MAX = 32

function countsOf (details: JsonObject | undefined): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [name, value] of Object.entries(details ?? {})) {
    if (isCountName(name) && isTokenCount(value) && counts.size < DETAILS_MAX) counts.set(name, value)
  }
  return counts
}

/** OpenAI's name gives way to DashScope's, which is the canonical one. */
function renameCount (counts: Map<string, number>, from: string, to: string): void {
  const count = counts.get(from)
  counts.delete(from)
  if (count !== undefined && !counts.has(to)) counts.set(to, count)
}

/** A part cannot be more than its whole; where it is, it is not believed. */
function takeCount (counts: Map<string, number>, name: string, whole: number): number {
  const count = counts.get(name) ?? 0
  counts.delete(name)
  return count <= whole ? count : 0
}
