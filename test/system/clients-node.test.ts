import t from 'tap'
import type { Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { reasonToSkip, runClient, runScenarios } from '../support/clients.ts'
import type { OpenaiAnswer, OpenaiStream, OpenaiTools } from '../support/sightings.ts'

t.setTimeout(600_000)
const skip = await reasonToSkip('node')

for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
  t.test(`with an upstream that speaks ${upstreamProtocol}`, { skip }, async t => {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    const target = { ...gateway, model: 'qwen-coder-turbo' }

    await t.test('OpenAI’s package', async t => {
      const seen = await runScenarios('openai-node', target)
      checkOpenaiAnswers(t, seen as unknown as OpenaiSightings)
      checkOpenaiRefusals(t, seen)
    })

    await t.test('the AI SDK', async t => {
      const seen = await runScenarios('ai-sdk', target)
      checkAiSdkAnswers(t, seen as unknown as AiSdkSightings)
      checkAiSdkTools(t, seen)
      t.match(seen['unauthorized'], { class: 'AI_APICallError', status: 401, retryable: false })
      t.match(seen['unknown_model'], { class: 'AI_APICallError', status: 404, retryable: false })
    })

    await t.test('a stream that breaks off throws an error in OpenAI’s package', async t => {
      gateway.simulator.enqueue('error-frame=429')
      t.match(await runClient('openai-node', 'broken_stream', target), { class: 'APIError', message: /rate limit exceeded/, finish_reasons: [] })
    })

    await t.test('a stream that breaks off is an error in the AI SDK', async t => {
      gateway.simulator.enqueue('error-frame=429')
      t.match(await runClient('ai-sdk', 'broken_stream', target), { finish_reason: 'error', errors: [/rate limit exceeded/] })
    })

    await t.test('qwen-code answers a prompt', async t => {
      const printed = await runClient('qwen-code', 'say hello', { ...target, model: 'qwen3-coder-plus' })
      const result = (printed as Array<{ type: string }>).find(message => message.type === 'result')
      t.match(result, { subtype: 'success', is_error: false, num_turns: 1, result: /This is the Qwen Code/, usage: { input_tokens: Number, output_tokens: Number } })
    })
  })
}

interface OpenaiSightings {
  readonly chat: OpenaiAnswer
  readonly stream: OpenaiStream
  readonly stream_with_usage: OpenaiStream
  readonly aborted_stream: OpenaiStream
  readonly tools: OpenaiTools
  readonly models: { readonly ids: readonly string[], readonly retrieved: string }
}

function checkOpenaiAnswers (t: Test, seen: OpenaiSightings): void {
  const { chat } = seen
  t.match(chat, { id: /^chatcmpl-/, model: 'qwen-coder-turbo', request_id: /./, role: 'assistant', text: /素数/, finish_reason: 'stop' })
  for (const stream of [seen.stream, seen.stream_with_usage]) {
    t.match(stream, { ids: 1, text: chat.text, finish_reasons: ['stop'] })
    t.ok(stream.pieces > 1, 'it came in pieces')
  }
  t.same(seen.stream.usages, [], 'no usage unless it is asked for')
  t.equal(seen.stream_with_usage.usages.length, 1, 'one usage chunk')
  t.match(seen.stream_with_usage.usages, [{ choices: 0, ...chat.usage }])
  t.match(seen.aborted_stream, { pieces: 1, finish_reasons: [], class: undefined }, 'leaving early is no error')
  t.match(seen.tools, {
    finish_reason: 'tool_calls',
    calls: [{ id: /^call_/, type: 'function', function: { name: 'get_current_weather', arguments: '{"location": "Paris"}' } }],
    answer: { finish_reason: 'stop', text: /"temperature":22/ }
  })
  t.ok(seen.models.ids.includes('qwen-coder-turbo'), 'the model is listed')
  t.equal(seen.models.retrieved, 'qwen-coder-turbo')
}

function checkOpenaiRefusals (t: Test, seen: Record<string, unknown>): void {
  t.match(seen['unauthorized'], { class: 'AuthenticationError', status: 401, code: 'invalid_api_key', request_id: /./ })
  t.match(seen['unknown_model'], { class: 'NotFoundError', status: 404, code: 'model_not_found', request_id: /./ })
  t.match(seen['out_of_range'], { class: 'BadRequestError', status: 400, message: /Temperature should be in \[0\.0, 2\.0\)/, request_id: /./ })
}

interface AiSdkAnswer {
  readonly text: string
  readonly finish_reason: string
  readonly usage: { readonly inputTokens?: number, readonly outputTokens?: number, readonly totalTokens?: number }
}

interface AiSdkSightings {
  readonly compatible_generate: AiSdkAnswer
  readonly compatible_stream: AiSdkAnswer
  readonly compatible_stream_with_usage: AiSdkAnswer
  readonly alibaba_generate: AiSdkAnswer
  readonly alibaba_stream: AiSdkAnswer
  readonly alibaba_thinking: { readonly reasoning: string, readonly text: string }
}

function checkAiSdkAnswers (t: Test, seen: AiSdkSightings): void {
  const { text, usage } = seen.compatible_generate
  t.match(seen.compatible_generate, { text: /素数/, finish_reason: 'stop', usage: { inputTokens: Number, outputTokens: Number } })
  t.match(seen.alibaba_generate, { text, finish_reason: 'stop', usage })
  t.match(seen.compatible_stream_with_usage, { text, finish_reason: 'stop', usage, errors: [] })
  t.match(seen.alibaba_stream, { text, finish_reason: 'stop', usage, errors: [] })
  t.match(seen.compatible_stream, { text, finish_reason: 'stop', errors: [] })
  t.match(seen.alibaba_thinking, { reasoning: /素数/, text: /素数/ }, 'thoughts and answer come apart')
  t.same(seen.compatible_stream.usage, {}, 'no usage unless it is asked for')
}

function checkAiSdkTools (t: Test, seen: Record<string, unknown>): void {
  const steps = [
    { finish_reason: 'tool-calls', calls: [{ name: 'get_current_weather', input: { location: 'Paris' } }] },
    { finish_reason: 'stop', calls: [] }
  ]
  for (const scenario of ['compatible_tools', 'compatible_tools_stream', 'alibaba_tools']) {
    t.match(seen[scenario], { text: /"temperature":22/, steps }, scenario)
  }
}
