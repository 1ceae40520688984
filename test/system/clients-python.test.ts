import t from 'tap'
import type { Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { reasonToSkip, runClient, runScenarios } from '../support/clients.ts'
import { assertAccumulates, assertAddsUpTo } from '../support/streamed-texts.ts'
import type { NativeAnswer, NativeStream, NativeTools, OpenaiAnswer, OpenaiStream, OpenaiTools } from '../support/sightings.ts'

t.setTimeout(600_000)
const skip = await reasonToSkip('python')

for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
  t.test(`with an upstream that speaks ${upstreamProtocol}`, { skip }, async t => {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    const target = { ...gateway, model: 'qwen-coder-turbo' }

    await t.test('the vendor page’s sample for OpenAI’s package prints the usage that the page shows', async t => {
      t.match(await runClient('openai-python', 'seed', target), {
        id: /^chatcmpl-/,
        object: 'chat.completion',
        model: 'qwen-coder-turbo',
        choices: [{ finish_reason: 'stop', index: 0, message: { role: 'assistant', content: /^```python\ndef find_prime_numbers/ } }],
        usage: { prompt_tokens: 85 }
      })
    })

    await t.test('the vendor page’s sample for the DashScope package prints the usage that the page shows', async t => {
      t.match(await runClient('dashscope-python', 'seed', target), {
        status_code: 200,
        code: '',
        message: '',
        output: {
          text: null,
          finish_reason: null,
          choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: /^```python\ndef find_prime_numbers/ } }]
        },
        usage: { input_tokens: 74 }
      })
    })

    await t.test('OpenAI’s package', async t => {
      const seen = await runScenarios('openai-python', target)
      checkOpenaiAnswers(t, seen as unknown as OpenaiSightings)
      checkOpenaiTools(t, seen as unknown as OpenaiSightings)
      checkOpenaiRefusals(t, seen)
    })

    await t.test('the DashScope package', async t => {
      const seen = await runScenarios('dashscope-python', target)
      checkNativeAnswers(t, seen as unknown as NativeSightings)
      checkNativeStreams(t, seen as unknown as NativeSightings)
      checkNativeTools(t, seen as unknown as NativeSightings)
      checkNativeRefusals(t, seen)
    })

    await t.test('a stream that fails raises an error in OpenAI’s package', async t => {
      gateway.simulator.enqueue('error-frame=429')
      const failed = await runClient('openai-python', 'broken_stream', target)
      t.match(failed, { class: 'APIError', message: /rate limit exceeded/, finish_reasons: [] })
      gateway.simulator.enqueue('eof')
      t.match(await runClient('openai-python', 'broken_stream', target), { class: 'APIError', message: /before the answer/, finish_reasons: [] })
    })

    await t.test('a stream that fails ends with an error response in the DashScope package', async t => {
      gateway.simulator.enqueue('error-frame=429')
      const failed = await runClient('dashscope-python', 'broken_stream', target) as NativeStream
      t.match(failed.last, { status_code: 429, code: 'Throttling.RateQuota', message: /rate limit exceeded/, request_id: /./ })
      gateway.simulator.enqueue('eof')
      const cutShort = await runClient('dashscope-python', 'broken_stream', target) as NativeStream
      t.match(cutShort.last, { status_code: 502, code: 'ModelServiceFailed', message: /before the answer/, request_id: /./ })
      for (const { finish_reasons: finishReasons } of [failed, cutShort]) t.notOk(finishReasons.includes('stop'), 'nothing claims to be finished')
    })
  })
}

const CITY_CALLS = ['Paris', 'London'].map(city => ({ name: 'get_current_weather', arguments: `{"location": "${city}"}` }))

interface OpenaiToolsStream {
  readonly finish_reasons: readonly string[]
  readonly calls: ReadonlyArray<{ readonly ids: readonly string[], readonly names: readonly string[], readonly arguments: string }>
}

interface Thoughts { readonly reasoning: string, readonly text: string }

interface OpenaiSightings {
  readonly chat: OpenaiAnswer
  readonly async_chat: OpenaiAnswer
  readonly stream: OpenaiStream
  readonly stream_with_usage: OpenaiStream
  readonly async_stream: OpenaiStream
  readonly tools: OpenaiTools
  readonly models: { readonly ids: readonly string[], readonly retrieved: string }
  readonly tools_stream: OpenaiToolsStream
  readonly parallel_tools_stream: OpenaiToolsStream
  readonly thinking_stream: Thoughts
}

function checkOpenaiAnswers (t: Test, seen: OpenaiSightings): void {
  const { chat } = seen
  t.match(chat, { id: /^chatcmpl-/, model: 'qwen-coder-turbo', request_id: /./, role: 'assistant', finish_reason: 'stop' })
  t.match(chat.text, /素数/, 'the answer is there')
  t.match(seen.async_chat, { text: chat.text, finish_reason: 'stop', usage: chat.usage })
  for (const stream of [seen.stream, seen.stream_with_usage, seen.async_stream]) {
    t.match(stream, { ids: 1, text: chat.text, finish_reasons: ['stop'] })
    t.ok(stream.pieces > 1, 'it came in pieces')
  }
  t.same(seen.stream.usages, [], 'no usage unless it is asked for')
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = chat.usage
  for (const { usages } of [seen.stream_with_usage, seen.async_stream]) {
    t.equal(usages.length, 1, 'one usage chunk')
    t.match(usages, [{ choices: 0, prompt_tokens: prompt, completion_tokens: completion, total_tokens: total }])
  }
  t.match(seen.thinking_stream, { reasoning: /素数/, text: /素数/ }, 'thoughts and answer come apart')
  t.ok(seen.models.ids.includes('qwen-coder-turbo'), 'the model is listed')
  t.equal(seen.models.retrieved, 'qwen-coder-turbo')
}

function checkOpenaiTools (t: Test, { tools, tools_stream: one, parallel_tools_stream: two }: OpenaiSightings): void {
  const [paris, london] = CITY_CALLS
  t.match(tools, { finish_reason: 'tool_calls', calls: [{ id: /^call_/, type: 'function', ...paris }] })
  t.match(tools.answer, { finish_reason: 'stop', text: /"temperature": 22/ })
  for (const { finish_reasons: finishReasons, calls } of [one, two]) {
    t.same(finishReasons, ['tool_calls'])
    t.ok(calls.every(call => call.ids.length === 1 && call.names.length === 1), 'only the opening fragment has an id and a name')
  }
  t.same(one.calls.map(call => ({ name: call.names[0], arguments: call.arguments })), [paris])
  t.same(two.calls.map(call => ({ name: call.names[0], arguments: call.arguments })), [paris, london])
}

function checkOpenaiRefusals (t: Test, seen: Record<string, unknown>): void {
  t.match(seen['unauthorized'], { class: 'AuthenticationError', status_code: 401, code: 'invalid_api_key', request_id: /./ })
  t.match(seen['unknown_model'], { class: 'NotFoundError', status_code: 404, code: 'model_not_found', request_id: /./ })
  t.match(seen['out_of_range'], { class: 'BadRequestError', status_code: 400, message: /Temperature should be in \[0\.0, 2\.0\)/, request_id: /./ })
}

interface NativeSightings {
  readonly call: NativeAnswer
  readonly async_call: NativeAnswer
  readonly text: NativeAnswer
  readonly prompt: NativeAnswer
  readonly history: NativeAnswer
  readonly multimodal: NativeAnswer
  readonly stream_incremental: NativeStream
  readonly stream_default: NativeStream
  readonly stream_not_incremental: NativeStream
  readonly text_stream: NativeStream
  readonly async_stream: NativeStream
  readonly async_stream_default: NativeStream
  readonly tools: NativeTools
  readonly tools_stream: Omit<NativeTools, 'answer'>
  readonly tools_stream_merged: Omit<NativeTools, 'answer'>
  readonly parallel_tools_stream: Omit<NativeTools, 'answer'>
  readonly parallel_tools_stream_merged: Omit<NativeTools, 'answer'>
  readonly thinking_stream: Thoughts
}

function checkNativeAnswers (t: Test, seen: NativeSightings): void {
  const content = contentOf(seen.call)
  const succeeded = { status_code: 200, code: '', message: '', request_id: /./ }
  t.match(seen.call, { ...succeeded, output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: /素数/ } }] } })
  t.match(seen.async_call, { ...succeeded, output: { choices: [{ finish_reason: 'stop', message: { content } }] }, usage: seen.call.usage })
  t.match(seen.text, { ...succeeded, output: { text: content, finish_reason: 'stop', choices: null }, usage: seen.call.usage }, 'text is the default')
  t.match(seen.prompt, { ...succeeded, output: { text: /你有什么地方推荐/, finish_reason: 'stop' } })
  t.match(seen.history, { ...succeeded, output: { text: seen.prompt.output?.text, finish_reason: 'stop' } })
  t.ok(inputTokensOf(seen.history) > inputTokensOf(seen.prompt), 'the history reached the model')
  t.match(seen.multimodal, { ...succeeded, output: { choices: [{ message: { content: [{ text: seen.prompt.output?.text }] } }] } })
}

function checkNativeStreams (t: Test, seen: NativeSightings): void {
  const content = contentOf(seen.call)
  for (const stream of [seen.stream_incremental, seen.async_stream]) assertAddsUpTo(t, stream, content)
  for (const stream of [seen.stream_default, seen.stream_not_incremental, seen.async_stream_default, seen.text_stream]) {
    assertAccumulates(t, stream, content)
  }
  for (const { last } of [seen.stream_incremental, seen.stream_default, seen.stream_not_incremental, seen.text_stream]) {
    t.match(last, { status_code: 200, usage: seen.call.usage }, 'the last frame has the whole usage')
  }
  t.match(seen.thinking_stream, { reasoning: /素数/, text: /素数/ }, 'thoughts and answer come apart')
}

function checkNativeTools (t: Test, seen: NativeSightings): void {
  const { tools, tools_stream: stream, tools_stream_merged: merged } = seen
  const expected = CITY_CALLS.map(call => ({ type: 'function', function: call }))
  for (const one of [tools, stream, merged]) {
    t.match(one, { finish_reason: 'tool_calls', calls: expected.slice(0, 1) })
    t.equal(one.calls.length, 1, 'one call')
  }
  for (const two of [seen.parallel_tools_stream, seen.parallel_tools_stream_merged]) {
    t.match(two, { finish_reason: 'tool_calls', calls: expected })
    t.equal(two.calls.length, 2, 'two calls')
  }
  t.match(tools.answer, { status_code: 200, output: { choices: [{ finish_reason: 'stop', message: { content: /"temperature": 22/ } }] } })
}

function checkNativeRefusals (t: Test, seen: Record<string, unknown>): void {
  const outOfRange = { status_code: 400, code: 'InvalidParameter', message: /Temperature should be in \[0\.0, 2\.0\)/, request_id: /./, output: null }
  t.match(seen['unauthorized'], { status_code: 401, code: 'InvalidApiKey', message: /./, request_id: /./, output: null })
  t.match(seen['unknown_model'], { status_code: 404, code: 'ModelNotFound', message: /./, request_id: /./, output: null })
  t.match(seen['out_of_range'], outOfRange)
  t.match(seen['refused_stream'], { texts: [], last: outOfRange })
}

function contentOf (answer: NativeAnswer): string {
  const content = answer.output?.choices?.[0]?.message.content
  if (typeof content !== 'string') throw new TypeError(`no text in ${JSON.stringify(answer)}`)
  return content
}

function inputTokensOf ({ usage }: NativeAnswer): number {
  return usage?.input_tokens ?? 0
}
