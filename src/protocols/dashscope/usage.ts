import { objectAt } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { isCountName, isTokenCount, totalTokens } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import type { WireUsage } from './wire.ts'

const DETAILS_MAX = 16

/**
 * The usage of a frame or an answer; undefined where it has none to believe, as the first frame of a web search (`{}`).
 * DashScope counts cached tokens inside `input_tokens` and reasoning inside `output_tokens`.
 */
export function usageFrom (wire: JsonObject | undefined): Usage | undefined {
  const inputTokens = wire?.['input_tokens']
  const outputTokens = wire?.['output_tokens']
  if (wire === undefined || !isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return undefined
  const prompt = countsOf(objectAt(wire, 'prompt_tokens_details'))
  const { cached_tokens: cached = 0, ...cacheDetails } = prompt
  const { reasoning_tokens: reasoning = 0, ...outputDetails } = countsOf(objectAt(wire, 'output_tokens_details'))
  const inputDetails = { ...mediaCountsOf(wire), ...countsOf(objectAt(wire, 'input_tokens_details')), ...cacheDetails }
  return {
    inputTokens,
    // A part that claims to be more than its whole is not believed.
    cachedInputTokens: cached <= inputTokens ? cached : 0,
    outputTokens,
    reasoningTokens: reasoning <= outputTokens ? reasoning : 0,
    source: 'reported',
    ...(isEmpty(inputDetails) ? {} : { inputDetails }),
    ...(isEmpty(outputDetails) ? {} : { outputDetails })
  }
}

/** Key order as in the vendor's samples. */
export function usageTo (usage: Usage): WireUsage {
  const prompt: Record<string, number> = usage.cachedInputTokens > 0 ? { cached_tokens: usage.cachedInputTokens } : {}
  const input: Record<string, number> = {}
  for (const [name, count] of Object.entries(usage.inputDetails ?? {})) {
    if (name.startsWith('cache')) prompt[name] = count
    else input[name] = count
  }
  const reasoning = usage.reasoningTokens > 0 ? { reasoning_tokens: usage.reasoningTokens } : {}
  const output = { ...usage.outputDetails, ...reasoning }
  return {
    total_tokens: totalTokens(usage),
    output_tokens: usage.outputTokens,
    input_tokens: usage.inputTokens,
    ...(isEmpty(prompt) ? {} : { prompt_tokens_details: prompt }),
    ...(isEmpty(input) ? {} : { input_tokens_details: input }),
    ...(isEmpty(output) ? {} : { output_tokens_details: output })
  }
}

/** Older multimodal models count media beside `input_tokens` rather than in its details. */
function mediaCountsOf (wire: JsonObject): Record<string, number> {
  const { image_tokens: image, video_tokens: video, audio_tokens: audio } = wire
  return countsOf({ image_tokens: image, video_tokens: video, audio_tokens: audio })
}

function countsOf (details: JsonObject | undefined): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [name, value] of Object.entries(details ?? {}).slice(0, DETAILS_MAX)) {
    if (isCountName(name) && isTokenCount(value)) counts[name] = value
  }
  return counts
}

function isEmpty (object: object): boolean {
  return Object.keys(object).length === 0
}
