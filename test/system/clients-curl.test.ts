import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { reasonToSkip, runClient } from '../support/clients.ts'
import { eventsOf } from '../support/sse.ts'

const skip = await reasonToSkip('curl')

for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
  t.test(`with an upstream that speaks ${upstreamProtocol}`, { skip }, async t => {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    const target = { ...gateway, model: 'qwen-coder-turbo' }

    await t.test('the vendor page’s command for the OpenAI style prints the usage that the page shows', async t => {
      t.match(await runClient('curl', 'openai_seed', target), {
        choices: [{ message: { role: 'assistant', content: /^```python\ndef find_prime_numbers/ }, finish_reason: 'stop', index: 0 }],
        object: 'chat.completion',
        usage: { prompt_tokens: 85 },
        model: 'qwen-coder-turbo'
      })
    })

    await t.test('the same command streamed prints chunks that add up to that answer, then its usage and the end', async t => {
      const data = eventsOf(`${String(await runClient('curl', 'openai_stream', target))}\n\n`).map(event => event.data ?? '')
      t.equal(data.pop(), '[DONE]')
      const chunks = data.map(each => JSON.parse(each) as Chunk)
      t.match(chunks.pop(), { choices: [], usage: { prompt_tokens: 85 }, model: 'qwen-coder-turbo' })
      t.match(chunks.map(({ choices: [choice] }) => choice?.delta.content ?? '').join(''), /^```python\ndef find_prime_numbers/)
      const finishes = chunks.flatMap(({ choices: [choice] }) => choice?.finish_reason ?? [])
      t.same(finishes, ['stop'], 'finished once')
    })

    await t.test('the vendor page’s command for the DashScope style prints the usage that the page shows', async t => {
      const printed = await runClient('curl', 'dashscope_seed', target)
      t.match(printed, {
        output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: /^```python\ndef find_prime_numbers/ } }] },
        usage: { input_tokens: 85 },
        request_id: /./
      })
      t.same(Object.keys(printed as object).sort(), ['output', 'request_id', 'usage'], 'what only the Python package adds is not there')
    })

    await t.test('`Accept: text/event-stream` alone streams, cumulatively unless told otherwise', async t => {
      const texts = framesOf(await runClient('curl', 'sse_by_accept', target)).map(frame => frame.output.choices[0].message.content)
      t.ok(texts.length > 1, 'it came in frames')
      t.ok(texts.every((text, index) => text.startsWith(texts[index - 1] ?? '')), 'every frame repeats the one before it')
      t.match(texts.at(-1), /附近哪里有博物馆/)
    })

    await t.test('`X-DashScope-SSE: enable` alone streams, and every frame has the vendor’s form', async t => {
      const stream = await runClient('curl', 'sse_by_header', target)
      t.match(stream, /^id:1\nevent:result\n:HTTP_STATUS\/200\ndata:\{/)
      t.notMatch(stream, /\[DONE\]|data: /)
      const frames = framesOf(stream)
      t.match(frames.map(frame => frame.output.choices[0].message.content).join(''), /附近哪里有博物馆/)
      t.same(frames.map(frame => frame.output.choices[0].finish_reason), [...frames.slice(1).map(() => 'null'), 'stop'])
      t.equal(new Set(frames.map(frame => frame.request_id)).size, 1, 'one request id')
    })

    await t.test('`prompt` with `history` answers in the text format', async t => {
      t.match(await runClient('curl', 'history', target), {
        output: { text: /你有什么地方推荐/, finish_reason: 'stop' }, usage: { input_tokens: Number }, request_id: /./
      })
    })
  })
}

interface Chunk {
  readonly choices: ReadonlyArray<{ readonly delta: { readonly content?: string }, readonly finish_reason: string | null }>
}

interface Frame {
  readonly output: { readonly choices: readonly [{ readonly message: { readonly content: string }, readonly finish_reason: string }] }
  readonly request_id: string
}

function framesOf (printed: unknown): Frame[] {
  return eventsOf(`${String(printed)}\n\n`).map(event => JSON.parse(event.data ?? '') as Frame)
}
