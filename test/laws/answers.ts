import fc from 'fast-check'
import type { ChatEvent, FinishReason } from '../../src/core/event.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import type { Usage } from '../../src/core/usage.ts'

/** A model's answer as events, and how many choices it has. */
export interface Answer { readonly choices: number, readonly events: readonly ChatEvent[] }

const CHOICES_MAX = 3

const text = fc.string({ unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom('你', '好', '👩‍👧', '\r', '\n', '"', '\\', '\u2028')), minLength: 1, maxLength: 8 })
const count = fc.nat({ max: 100_000 })

type Piece =
  | { readonly kind: 'text' | 'reasoning' | 'logprobs', readonly text: string }
  | { readonly kind: 'call', readonly name: string }
  /** Goes on with one of the calls that are open by then, whichever choice it belongs to. */
  | { readonly kind: 'fragment', readonly call: number, readonly text: string }

const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('text', 'reasoning', 'logprobs'), text }) },
  fc.record({ kind: fc.constant('call' as const), name: fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fragment' as const), call: fc.nat({ max: 4 }), text }) }
)

const usage: fc.Arbitrary<Usage> = fc.record({
  input: count, output: count, cached: count, reasoning: count, images: fc.option(count, { nil: undefined })
}).map(({ input, output, cached, reasoning, images }) => ({
  inputTokens: input,
  cachedInputTokens: Math.min(cached, input),
  outputTokens: output,
  reasoningTokens: Math.min(reasoning, output),
  source: 'reported',
  ...(images === undefined ? {} : { inputDetails: { image_tokens: images } })
}))

const reason = fc.constantFrom<FinishReason[]>('stop', 'length', 'content-filter', 'tool-calls')

/** Sound answers: reasoning, text of every script, and parallel calls whose fragments are interleaved, over several choices. */
export const answers: fc.Arbitrary<Answer> = fc.record({
  choices: fc.integer({ min: 1, max: CHOICES_MAX }),
  pieces: fc.array(fc.record({ choice: fc.nat({ max: CHOICES_MAX - 1 }), piece }), { maxLength: 16 }),
  reasons: fc.array(reason, { minLength: CHOICES_MAX, maxLength: CHOICES_MAX }),
  searchInfo: fc.option(text, { nil: undefined }),
  usage
}).map(({ choices, pieces, reasons, searchInfo, usage }) => {
  const state: State = { calls: [], events: [] }
  // Vendors begin every candidate before they go on with one.
  for (let choice = 0; choice < choices; choice++) state.events.push({ type: 'text-delta', choice, text: `${choice}` })
  for (const { choice, piece } of pieces) add(piece, choice % choices, state)
  const ends = reasons.slice(0, choices).map((reason, choice): ChatEvent => ({ type: 'choice-end', choice, reason: reasonFor(choice, reason, state) }))
  const extension: ChatEvent[] = searchInfo === undefined ? [] : [{ type: 'extension', name: 'search_info', value: { note: searchInfo } }]
  return {
    choices,
    events: [{ type: 'response-start', id: undefined }, ...state.events, ...extension, ...ends, { type: 'usage', usage }, { type: 'response-end' }]
  }
})

interface State {
  readonly calls: { readonly choice: number, readonly index: number }[]
  readonly events: ChatEvent[]
}

function add (piece: Piece, choice: number, { calls, events }: State): void {
  switch (piece.kind) {
    case 'text': events.push({ type: 'text-delta', choice, text: piece.text }); break
    case 'reasoning': events.push({ type: 'reasoning-delta', choice, text: piece.text }); break
    case 'logprobs': events.push({ type: 'logprobs', choice, value: { content: [{ token: piece.text, logprob: -1 }] } }); break
    case 'call': {
      const index = calls.filter((call) => call.choice === choice).length
      calls.push({ choice, index })
      events.push({ type: 'tool-call-start', choice, index, id: `call_${choice}_${index}`, name: piece.name })
      break
    }
    case 'fragment': {
      const call = calls[piece.call % Math.max(1, calls.length)]
      if (call !== undefined) events.push({ type: 'tool-call-delta', ...call, arguments: piece.text })
    }
  }
}

/** "stop" after a call is what vendors say by mistake; every reader corrects it. */
function reasonFor (choice: number, reason: FinishReason, { calls }: State): FinishReason {
  return reason === 'stop' && calls.some((call) => call.choice === choice) ? 'tool-calls' : reason
}

/**
 * What an answer says, whatever its pieces are: each choice's text, reasoning and log probabilities in their order and
 * joined where they follow one another, its calls, its end, then the usage that holds.
 */
export interface Meaning {
  readonly choices: Readonly<Record<number, ChoiceMeaning>>
  readonly usage: Usage | undefined
  readonly extensions: JsonObject
  readonly end: ChatEvent['type'] | undefined
}

interface ChoiceMeaning {
  readonly parts: { readonly type: string, value: string | JsonValue[] }[]
  readonly calls: { readonly id: string, readonly name: string, arguments: string }[]
  reason: FinishReason | undefined
}

export function meaningOf (events: readonly ChatEvent[]): Meaning {
  const choices: Record<number, ChoiceMeaning> = {}
  const extensions: Record<string, JsonValue> = {}
  let usage: Usage | undefined
  for (const event of events) {
    if (event.type === 'usage') usage = event.usage
    if (event.type === 'extension') extensions[event.name] = event.value
    if ('choice' in event) addMeaning(choices[event.choice] ??= { parts: [], calls: [], reason: undefined }, event)
  }
  return { choices, usage, extensions, end: events.at(-1)?.type }
}

function addMeaning (choice: ChoiceMeaning, event: Extract<ChatEvent, { choice: number }>): void {
  const last = choice.parts.at(-1)
  switch (event.type) {
    case 'text-delta': case 'reasoning-delta':
      if (last?.type === event.type) last.value += event.text
      else choice.parts.push({ type: event.type, value: event.text })
      break
    case 'logprobs': {
      const tokens = (event.value as { content: JsonValue[] }).content
      if (last?.type === event.type) last.value = [...last.value as JsonValue[], ...tokens]
      else choice.parts.push({ type: event.type, value: tokens })
      break
    }
    case 'tool-call-start': choice.calls[event.index] = { id: event.id, name: event.name, arguments: '' }; break
    case 'tool-call-delta': { const call = choice.calls[event.index]; if (call !== undefined) call.arguments += event.arguments; break }
    case 'choice-end': choice.reason = event.reason
  }
}

/** As `meaningOf`, without the order of text and reasoning, which a whole answer does not have. */
export function contentOf (events: readonly ChatEvent[]): object {
  const { choices, ...rest } = meaningOf(events)
  return {
    ...rest,
    choices: Object.entries(choices).map(([index, { parts, calls, reason }]) => {
      const joined = (type: string): unknown[] => parts.filter((part) => part.type === type).flatMap(({ value }) => [...value])
      return { index, calls, reason, text: joined('text-delta'), reasoning: joined('reasoning-delta'), logprobs: joined('logprobs') }
    })
  }
}
