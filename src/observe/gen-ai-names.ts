import type { Upstream } from '../core/catalog.ts'
import type { Usage } from '../core/usage.ts'

/** The only operation there is here, in the words of OpenTelemetry's GenAI conventions. */
export const CHAT = 'chat'

/** The conventions have no word for Alibaba's service; this is the one its own tracing uses. */
const DASHSCOPE = 'dashscope'
/** What the conventions call any server that speaks OpenAI's protocol. */
const OPENAI = 'openai'

export function providerOf ({ protocol, baseUrl }: Pick<Upstream, 'protocol' | 'baseUrl'>): string {
  // DashScope's compatible mode is DashScope all the same.
  return protocol.name === DASHSCOPE || new URL(baseUrl).hostname.endsWith('.aliyuncs.com') ? DASHSCOPE : OPENAI
}

export type Modality = 'text' | 'image' | 'audio' | 'unknown'

/** By the names of counts on the wire. For films the conventions have no word. */
const MODALITIES: ReadonlyMap<string, Modality> = new Map([
  ['image_tokens', 'image'], ['audio_tokens', 'audio'], ['video_tokens', 'unknown']
])

/** Input by what it was. What an upstream has counted and not called anything else is text; an estimate knows no kinds. */
export function inputModalities (usage: Usage): ReadonlyMap<Modality, number> {
  return modalities(usage, usage.inputTokens, usage.inputDetails)
}

export function outputModalities (usage: Usage): ReadonlyMap<Modality, number> {
  return modalities(usage, usage.outputTokens, usage.outputDetails)
}

function modalities ({ source }: Usage, tokens: number, details: Usage['inputDetails'] = {}): ReadonlyMap<Modality, number> {
  if (source === 'estimated') return new Map([['unknown', tokens]])
  const counts = new Map<Modality, number>()
  let rest = tokens
  for (const [name, modality] of MODALITIES) {
    // A part that claims to be more than is left of the whole is not believed.
    const count = Math.min(details[name] ?? 0, rest)
    if (count > 0) counts.set(modality, (counts.get(modality) ?? 0) + count)
    rest -= count
  }
  return counts.set('text', rest)
}
