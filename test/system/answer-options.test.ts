import t from 'tap'
import { bodyOf, MESSAGES, PATHS, streamed, upstreamParameters } from '../support/parameters.ts'
import { startGateway } from '../support/gateway.ts'
import { NATIVE_PATH, OPENAI_PATH, post } from '../support/http.ts'
import type { Reply } from '../support/http.ts'
import type { Side } from '../support/parameters.ts'

/** The caps a client gives, and those that go up: one governs, under its own name where the upstream's protocol keeps it. */
const CAPS: readonly { readonly given: string, readonly sent: Readonly<Record<`${Side} to ${Side}`, Readonly<Record<string, number>>>> }[] = [
  {
    given: '"max_completion_tokens":7',
    sent: {
      'openai to openai': { max_completion_tokens: 7 },
      'openai to dashscope': { max_tokens: 7 },
      'dashscope to openai': { max_completion_tokens: 7 },
      'dashscope to dashscope': { max_completion_tokens: 7 }
    }
  },
  {
    given: '"max_tokens":5,"max_completion_tokens":7',
    sent: {
      'openai to openai': { max_completion_tokens: 7 },
      'openai to dashscope': { max_tokens: 7 },
      'dashscope to openai': { max_tokens: 5 },
      'dashscope to dashscope': { max_tokens: 5, max_completion_tokens: 7 }
    }
  },
  {
    given: '"max_tokens":7,"max_completion_tokens":5',
    sent: {
      'openai to openai': { max_completion_tokens: 5 },
      'openai to dashscope': { max_tokens: 5 },
      'dashscope to openai': { max_completion_tokens: 5 },
      'dashscope to dashscope': { max_tokens: 5, max_completion_tokens: 5 }
    }
  }
]

for (const upstream of ['dashscope', 'openai'] as const) {
  for (const surface of ['openai', 'dashscope'] as const) {
    t.test(`what shapes the answer, from ${surface} to ${upstream}`, async (t) => {
      const gateway = await startGateway({ upstreamProtocol: upstream })
      t.teardown(() => gateway.close())
      const send = (members: string): Promise<Reply> => post(gateway, PATHS[surface], bodyOf(surface, members))
      const sent = (): Record<string, unknown> => upstreamParameters(gateway, upstream)

      for (const { given, sent: expected } of CAPS) {
        await t.test(`the caps ${given}`, async (t) => {
          const reply = await send(given)
          t.equal(reply.status, 200, reply.text)
          const { max_tokens: older, max_completion_tokens: newer } = sent()
          t.strictSame(JSON.parse(JSON.stringify({ max_tokens: older, max_completion_tokens: newer })), expected[`${surface} to ${upstream}`])
        })
      }

      await t.test('a penalty or a switch that is null is absent', async (t) => {
        const reply = await send('"frequency_penalty":null,"enable_thinking":null,"max_completion_tokens":null')
        t.equal(reply.status, 200, reply.text)
        for (const name of ['frequency_penalty', 'enable_thinking', 'max_completion_tokens']) t.notOk(sent()[name], name)
        t.equal((await send('"frequency_penalty":2.1')).status, 400)
        t.equal((await send('"enable_thinking":"no"')).status, 400)
      })

      await t.test('every stream is asked for its usage and for increments, and a whole answer for neither', async (t) => {
        t.equal((await streamed(gateway, surface, bodyOf(surface, '"n":1'))).status, 200)
        if (upstream === 'openai') t.match(sent(), { stream: true, stream_options: { include_usage: true } })
        else if (surface === 'openai') t.equal(sent()['incremental_output'], true)
        t.equal((await send('"n":1')).status, 200)
        for (const name of ['stream', 'stream_options', 'incremental_output']) t.notOk(name in sent(), name)
      })
    })
  }

  t.test(`the options of one surface, to ${upstream}`, async (t) => {
    const gateway = await startGateway({ upstreamProtocol: upstream })
    t.teardown(() => gateway.close())

    await t.test('stream_options.include_usage decides about the usage chunk, and belongs to a stream', async (t) => {
      const usages = async (options: string): Promise<number> => {
        const reply = await streamed(gateway, 'openai', bodyOf('openai', `"stream_options":${options}`))
        return reply.events.filter(({ data }) => data !== '[DONE]' && JSON.parse(data ?? '').choices.length === 0).length
      }
      t.equal(await usages('{"include_usage":true}'), 1)
      t.equal(await usages('{"include_usage":false}'), 0)
      t.equal(await usages('null'), 0)
      const whole = await post(gateway, OPENAI_PATH, bodyOf('openai', '"stream_options":{"include_usage":true}'))
      t.equal(whole.status, 400)
      t.match(whole.json.error, { param: 'stream_options', message: "'stream_options' is only allowed when 'stream' is true" })
    })

    await t.test('incremental_output decides how a native stream goes on, and belongs to a stream', async (t) => {
      const texts = async (incremental: string): Promise<string[]> => {
        const reply = await streamed(gateway, 'dashscope', bodyOf('dashscope', `"incremental_output":${incremental}`))
        return reply.events.map(({ data }) => JSON.parse(data ?? '').output.choices[0].message.content)
      }
      const [pieces, growing, byDefault] = [await texts('true'), await texts('false'), await texts('null')]
      t.ok(pieces.length > 2)
      t.equal(pieces.join(''), growing.at(-1))
      t.equal(byDefault.at(-1), growing.at(-1), 'this model repeats what was said unless told otherwise')
      const whole = await post(gateway, NATIVE_PATH, bodyOf('dashscope', '"incremental_output":true'))
      t.match([whole.status, whole.json.message], [400, 'parameter incremental_output only support stream call'])
      t.equal((await post(gateway, NATIVE_PATH, bodyOf('dashscope', '"incremental_output":false'))).status, 200)
    })

    await t.test('parameters and result_format may be null', async (t) => {
      for (const parameters of ['null', '{"result_format":null,"incremental_output":null,"top_k":null}']) {
        const reply = await post(gateway, NATIVE_PATH, `{"model":"qwen-coder-turbo","input":{"messages":${MESSAGES}},"parameters":${parameters}}`)
        t.equal(reply.status, 200, reply.text)
        t.type(reply.json.output.text, 'string')
      }
    })

    await t.test('a workspace that cannot be one is refused on either surface', async (t) => {
      for (const surface of ['openai', 'dashscope'] as const) {
        const reply = await post(gateway, PATHS[surface], bodyOf(surface, '"n":1'), { 'X-DashScope-WorkSpace': 'x'.repeat(129) })
        t.equal(reply.status, 400, surface)
      }
    })
  })
}
