import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { ChatRequest, Message, ToolCall } from '../../src/core/chat.ts'
import { textOf } from '../../src/core/chat.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { parseJson } from '../../src/core/json.ts'
import { SHARED_PARAMETERS } from '../../src/core/parameters.ts'
import { targetOf } from '../support/calls.ts'
import { EVERY_PROTOCOL, holds, lowerCase, openedFrom } from './protocols.ts'

/** Such keys are refused before any protocol sees them. */
const NAMES_A_PROTOTYPE = /"(?:__proto__|prototype)"/

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,16}$/)

const PARAMETERS: Readonly<Record<string, fc.Arbitrary<JsonValue>>> = {
  temperature: fc.constantFrom(0, 0.7, 1.99),
  top_p: fc.constantFrom(0.001, 0.8, 1),
  presence_penalty: fc.constantFrom(-2, 0, 1.5),
  frequency_penalty: fc.constantFrom(-2, 0.25, 2),
  seed: fc.constantFrom('0', '7', '9007199254740993', '18446744073709551615').map(parseJson),
  n: fc.integer({ min: 1, max: 4 }),
  stop: fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
    fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })),
  tools: fc.array(fc.record({ name, description: text }, { noNullPrototype: true }), { minLength: 1, maxLength: 3 })
    .map((functions) => functions.map((definition) => ({ type: 'function', function: { ...definition, parameters: { type: 'object', properties: {} } } }))),
  tool_choice: fc.constantFrom<JsonValue[]>('auto', 'none', { type: 'function', function: { name: 'f' } }),
  parallel_tool_calls: fc.boolean(),
  logprobs: fc.boolean(),
  top_logprobs: fc.integer({ min: 0, max: 20 }),
  response_format: fc.constantFrom<JsonValue[]>({ type: 'text' }, { type: 'json_object' })
}

/** Keys of DashScope's service that no protocol-neutral code reads. */
const EXTRA: Readonly<Record<string, fc.Arbitrary<JsonValue>>> = {
  top_k: fc.integer({ min: 1, max: 100 }),
  repetition_penalty: fc.constantFrom(0.5, 1.05),
  enable_thinking: fc.boolean(),
  thinking_budget: fc.integer({ min: 1, max: 4_096 }),
  enable_search: fc.boolean(),
  search_options: fc.constant({ forced_search: true }),
  tomorrows_option: fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null && !NAMES_A_PROTOTYPE.test(JSON.stringify(value))).map((value) => parseJson(JSON.stringify(value)))
}

function someOf (arbitraries: Readonly<Record<string, fc.Arbitrary<JsonValue>>>): fc.Arbitrary<JsonObject> {
  return fc.record({ ...arbitraries }, { requiredKeys: [], noNullPrototype: true })
}

const said = (role: 'system' | 'user') => fc.array(text, { minLength: 1, maxLength: 2 })
  .map((texts): Message[] => [{ role, parts: texts.map((text) => ({ type: 'text', text })) }])

/** A turn that calls tools and hears from each of them. */
const called = fc.record({
  names: fc.array(name, { minLength: 1, maxLength: 3 }), text: fc.option(text), reasoning: fc.option(text), argument: fc.json(), result: text
}).map(({ names, text, reasoning, argument, result }): Message[] => {
  const calls = names.map((name, index): ToolCall => ({ id: `call_${index}`, name, arguments: argument }))
  return [{
    role: 'assistant',
    parts: text === null ? [] : [{ type: 'text', text }],
    toolCalls: calls,
    ...(reasoning === null ? {} : { reasoning })
  }, ...calls.map((call): Message => ({ role: 'tool', parts: [{ type: 'text', text: result }], toolCallId: call.id, name: call.name }))]
})

const answered = fc.record({ text, reasoning: fc.option(text) }).map(({ text, reasoning }): Message[] =>
  [{ role: 'assistant', parts: [{ type: 'text', text }], ...(reasoning === null ? {} : { reasoning }) }])

const unfinished = text.map((text): Message[] => [{ role: 'assistant', parts: [{ type: 'text', text }], partial: true }])

const conversation = fc.tuple(
  fc.option(said('system'), { nil: [] as Message[] }),
  fc.array(fc.oneof(said('user'), called, answered), { maxLength: 4 }),
  fc.oneof(said('user'), called, unfinished)
).map(([system, turns, last]) => [...system, ...turns.flat(), ...last])

const requests: fc.Arbitrary<ChatRequest> = fc.record({
  messages: conversation,
  stream: fc.boolean(),
  parameters: someOf(PARAMETERS),
  cap: fc.option(fc.integer({ min: 1, max: 8_192 }), { nil: undefined }),
  extra: someOf(EXTRA),
  workspace: fc.option(fc.stringMatching(/^ws_[a-z0-9]{1,8}$/), { nil: undefined })
}).map(({ cap, workspace, ...request }) => ({
  ...request,
  ...(cap === undefined ? {} : { outputTokensMax: cap, outputCapName: 'max_tokens' as const }),
  vendorHeaders: workspace === undefined ? {} : { 'x-dashscope-workspace': workspace }
}))

/** A request without what both protocols leave open: where one text ends and the next begins, and the case of a header. */
function normal (request: ChatRequest): object {
  return {
    ...request,
    messages: request.messages.map(({ parts, ...message }) => ({
      ...message, content: parts.every(({ type }) => type === 'text') ? textOf({ parts }) : parts
    })),
    parameters: sorted(request.parameters),
    extra: sorted(request.extra),
    vendorHeaders: lowerCase(request.vendorHeaders)
  }
}

/** As text, in which numbers wider than a double can be compared. */
function sorted (members: JsonObject): string {
  return JSON.stringify(Object.keys(members).sort().map((key) => [key, members[key]]))
}

for (const protocol of EVERY_PROTOCOL) {
  t.test(`${protocol.name}: reading what was written keeps every field of a request`, async (t) => {
    holds(t, fc.property(requests, (request) => {
      const opened = openedFrom(protocol, request)
      assert.deepStrictEqual(normal(opened.parseRequest()), normal(request))
      const { model, stream, choices, outputTokensMax, media } = opened.envelope
      assert.deepStrictEqual({ model, stream, choices, outputTokensMax, media }, {
        model: 'qwen-coder-turbo', stream: request.stream, choices: request.parameters['n'] ?? 1, outputTokensMax: request.outputTokensMax, media: { pictures: 0, others: 0 }
      })
    }), 400)
  })

  t.test(`${protocol.name}: pictures and films keep their place among the words`, async (t) => {
    const media = fc.constantFrom('https://example.com/a.png', 'oss://bucket/b.mp4', 'data:image/png;base64,AAAA')
    const part = fc.oneof(text.map((text) => ({ type: 'text' as const, text })),
      fc.record({ type: fc.constantFrom('image' as const, 'video' as const), source: media }, { noNullPrototype: true }))
    const target = targetOf(protocol, { nativeService: 'multimodal-generation' })
    holds(t, fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const request: ChatRequest = { messages: [{ role: 'user', parts }], stream: false, parameters: {}, extra: {}, vendorHeaders: {} }
      const opened = openedFrom(protocol, request, target)
      assert.deepStrictEqual(normal(opened.parseRequest()), normal(request))
      assert.strictEqual(opened.envelope.media.pictures + opened.envelope.media.others, parts.filter(({ type }) => type !== 'text').length)
    }))
  })
}

t.test('the law covers every parameter both protocols express', async (t) => {
  t.same(Object.keys(PARAMETERS).sort(), [...SHARED_PARAMETERS].sort())
})
