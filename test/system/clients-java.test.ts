import t from 'tap'
import type { Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { reasonToSkip, runClient, runScenarios } from '../support/clients.ts'
import { assertAccumulates, assertAddsUpTo } from '../support/streamed-texts.ts'
import type { NativeAnswer, NativeStream, NativeTools } from '../support/sightings.ts'

t.setTimeout(600_000)
const skip = await reasonToSkip('java')

for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
  t.test(`with an upstream that speaks ${upstreamProtocol}`, { skip }, async t => {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    const target = { ...gateway, model: 'qwen-coder-turbo' }

    await t.test('the vendor page’s sample prints the usage that the page shows', async t => {
      t.match(await runClient('dashscope-java', 'seed', target), {
        requestId: /./,
        usage: { input_tokens: 74 },
        output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: /^```python\ndef find_prime_numbers/ } }] }
      })
    })

    await t.test('calls, streams, tools and refusals', async t => {
      const seen = await runScenarios('dashscope-java', target)
      checkAnswers(t, seen as unknown as Sightings)
      checkTools(t, seen as unknown as Sightings)
      checkRefusals(t, seen)
    })

    await t.test('a stream that breaks off throws an ApiException', async t => {
      gateway.simulator.enqueue('error-frame=429')
      // The library calls every error event of a stream a 400.
      t.match(await runClient('dashscope-java', 'broken_stream', target), {
        class: 'ApiException', status_code: 400, code: 'Throttling.RateQuota', message: /rate limit exceeded/, request_id: /./
      })
    })
  })
}

interface Sightings {
  readonly call: NativeAnswer
  readonly text: NativeAnswer
  readonly stream_incremental: NativeStream
  readonly stream_default: NativeStream
  readonly stream_not_incremental: NativeStream
  readonly tools: NativeTools
}

function checkAnswers (t: Test, seen: Sightings): void {
  t.match(seen.call, { requestId: /./, output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: /素数/ } }] } })
  const content = String(seen.call.output?.choices?.[0]?.message.content)
  t.match(seen.text, { output: { text: content, finish_reason: 'stop' }, usage: seen.call.usage }, 'the text format')
  assertAddsUpTo(t, seen.stream_incremental, content)
  assertAccumulates(t, seen.stream_default, content)
  assertAccumulates(t, seen.stream_not_incremental, content)
  for (const { last } of [seen.stream_incremental, seen.stream_default, seen.stream_not_incremental]) {
    t.match(last, { requestId: /./, usage: seen.call.usage }, 'the last frame has the whole usage')
  }
}

function checkTools (t: Test, { tools }: Sightings): void {
  t.match(tools, {
    finish_reason: 'tool_calls',
    calls: [{ type: 'function', function: { name: 'get_current_weather', arguments: '{"location": "Paris"}' } }],
    answer: { output: { choices: [{ finish_reason: 'stop', message: { content: /"temperature": 22/ } }] } }
  })
}

function checkRefusals (t: Test, seen: Record<string, unknown>): void {
  const refusal = { class: 'ApiException', request_id: /./ }
  const outOfRange = { ...refusal, status_code: 400, code: 'InvalidParameter', message: /Temperature should be in \[0\.0, 2\.0\)/ }
  t.match(seen['unauthorized'], { ...refusal, status_code: 401, code: 'InvalidApiKey' })
  t.match(seen['unknown_model'], { ...refusal, status_code: 404, code: 'ModelNotFound' })
  t.match(seen['out_of_range'], outOfRange)
  t.match(seen['refused_stream'], { ...outOfRange, texts: [] })
}
