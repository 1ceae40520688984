import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import fc from 'fast-check'
import { startLimitedGateway } from '../support/limited-gateway.ts'
import { SIDES, SSE, ask, watch } from '../support/scene.ts'
import type { Answer } from '../../src/simulator/answer.ts'
import type { Caller, LimitedGateway } from '../support/limited-gateway.ts'
import type { Side } from '../support/scene.ts'

t.setTimeout(300_000)

const CHINESE = '大规模语言模型把一切问题都写成下一个词的问题。它读过的书比任何人都多，却不知道自己读过。'.repeat(4)
const ENGLISH = 'A gateway is the place where somebody has to know what everything costs, to the last token, and why. '.repeat(5)
const CODE = 'export function sum (numbers: readonly number[]): number {\n  return numbers.reduce((total, next) => total + next, 0) // 合计\n}\n\n'.repeat(4)

/** What models write, of every kind that is billed. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  Chinese: { reasoning: '', content: CHINESE, toolCalls: [] },
  English: { reasoning: '', content: ENGLISH, toolCalls: [] },
  code: { reasoning: '', content: CODE, toolCalls: [] },
  thoughts: { reasoning: `先想一想：${CHINESE}Then again. ${ENGLISH}`, content: CODE, toolCalls: [] },
  calls: { reasoning: '', content: '我来查一下。', toolCalls: ['杭州', 'Paris', '东京'].map((city) => ({ name: 'get_current_weather', arguments: `{"location": "${city}", "note": "${ENGLISH}"}` })) },
  'thoughts and calls': { reasoning: CHINESE, content: '', toolCalls: [{ name: 'get_current_weather', arguments: '{"location": "杭州"}' }] }
}

const TOOLS = [{ type: 'function', function: { name: 'get_current_weather', description: '查询天气', parameters: { type: 'object', properties: { location: { type: 'string' } } } } }]
const MESSAGES = [{ role: 'user', content: '杭州天气怎么样？ What is it like there?' }]

function bodyFor (side: Side): object {
  const parameters = { tools: TOOLS, enable_thinking: true }
  if (side === 'openai') return { model: 'qwen-plus', messages: MESSAGES, stream: true, ...parameters }
  return { model: 'qwen-plus', input: { messages: MESSAGES }, parameters: { result_format: 'message', incremental_output: true, ...parameters } }
}

/** Everything the model wrote in a stream of either protocol, as its client sees it. */
function saidIn (stream: string): string {
  let said = ''
  for (const [, data = ''] of stream.matchAll(/^data: ?(\{.*\})$/gm)) {
    const chunk = JSON.parse(data)
    for (const { delta, message = delta } of chunk.choices ?? chunk.output?.choices ?? []) {
      said += `${message?.reasoning_content ?? ''}${message?.content ?? ''}`
      for (const call of message?.tool_calls ?? []) said += `${call.function?.name ?? ''}${call.function?.arguments ?? ''}`
    }
  }
  return said
}

/** What the simulator says in its first so many events. */
async function firstEvents ({ gateway: { simulator } }: LimitedGateway, upstream: Side, events: number): Promise<string> {
  const path = upstream === 'openai' ? '/compatible-mode/v1/chat/completions' : '/api/v1/services/aigc/text-generation/generation'
  const response = await fetch(simulator.url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-direct', 'content-type': 'application/json', 'x-simulate': `eof=${events}`, ...(upstream === 'dashscope' ? SSE : {}) },
    body: JSON.stringify(bodyFor(upstream))
  })
  return saidIn(await response.text())
}

/** Reads until so much has been said: then the gateway has seen all that the upstream has sent. */
async function untilSaid (response: IncomingMessage, said: string): Promise<void> {
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const heard = saidIn(Buffer.concat(chunks).toString())
      if (heard === said) resolve()
      else if (!said.startsWith(heard)) reject(new Error('something else was said than the upstream has sent'))
    })
  })
}

interface Abort { readonly surface: Side, readonly upstream: Side, readonly events: number }

interface Aborted { readonly record: any, readonly charge: { readonly inputTokens: number, readonly outputTokens: number }, readonly isSaid: boolean }

/** A client that leaves after so many events of the upstream's, and what was written down of it without any time passing. */
async function abort (gateway: LimitedGateway, caller: Caller, { surface, upstream, events }: Abort): Promise<Aborted> {
  const said = await firstEvents(gateway, upstream, events)
  const { arrived, ended } = watch(gateway.gateway.simulator, `stall=${events}`)
  const left = gateway.nextEnd()
  const { request, response } = ask({ ...gateway.gateway, apiKey: caller.apiKey }, surface, bodyFor(surface))
  const upstreamRecord = await arrived
  if (said !== '') await untilSaid(await response, said)
  const { pending } = gateway.clock
  request.socket?.resetAndDestroy()
  await ended
  const { requestId } = await left
  if (gateway.clock.pending > pending) throw new Error('something waits for time to pass')
  return { record: await gateway.seen(caller, `/requests/${requestId}`), charge: upstreamRecord.charge, isSaid: said !== '' }
}

/** Two in a hundred; but half a word may count for a token or two more than the whole one will. */
function isClose (counted: number, billed: number): boolean {
  return Math.abs(counted - billed) <= Math.max(2, 0.02 * billed)
}

let answer: Answer = ANSWERS['English'] as Answer

for (const upstream of SIDES) {
  t.test(`${upstream}: a client that leaves is charged what was written until then`, async (t) => {
    const gateway = await startLimitedGateway(t, upstream, { simulator: { author: () => answer } })
    for (const surface of SIDES) {
      const caller = await gateway.team({ budgets: [{ id: 'tokens', unit: 'tokens', period: 'total', amount: 100_000_000 }] })
      let tokens = 0
      for (const [kind, written] of Object.entries(ANSWERS)) {
        answer = written
        for (const events of [1, 2, 3, 7, 20, 45, 200]) {
          const { record, charge, isSaid } = await abort(gateway, caller, { surface, upstream, events })
          const what = `${kind} to ${surface}, ${events} events: ${record.usage.output_tokens} for ${charge.outputTokens}`
          t.match(record, { outcome: 'client_closed', status: isSaid ? 200 : Number, usage: { input_tokens: charge.inputTokens } }, what)
          t.ok(isClose(record.usage.output_tokens, charge.outputTokens), what)
          t.equal(record.usage.source, upstream === 'dashscope' && charge.outputTokens > 0 ? 'reported' : 'estimated', what)
          if (upstream === 'dashscope' && charge.outputTokens > 0) t.equal(record.usage.output_tokens, charge.outputTokens, what)
          t.ok(record.usage.reasoning_tokens <= record.usage.output_tokens, what)
          if (events >= 20) t.equal(record.usage.reasoning_tokens > 0, written.reasoning !== '', what)
          tokens += record.usage.total_tokens
        }
      }
      const { limits } = await gateway.seen(caller, '/limits')
      t.match(limits, [{ id: 'tokens', used: tokens, held: 0 }])
    }
  })
}

t.test('whatever is written and wherever it is left, by an upstream that says nothing of its usage until the end', async (t) => {
  const gateway = await startLimitedGateway(t, 'openai', { simulator: { author: () => answer } })
  const caller = await gateway.team({})
  const some = fc.array(fc.constantFrom(...CHINESE.slice(0, 40), ...ENGLISH.split(' ').map((word) => `${word} `), ...CODE.split('\n').map((line) => `${line}\n`), '👩‍👩‍👧 ', 'Ωmega '), { minLength: 1, maxLength: 120 })
    .map((pieces) => pieces.join(''))
  const answers = fc.record({
    reasoning: fc.oneof(fc.constant(''), some), content: some, toolCalls: fc.array(some.map((text) => ({ name: 'get_current_weather', arguments: JSON.stringify({ location: text }) })), { maxLength: 2 })
  })
  await fc.assert(fc.asyncProperty(answers, fc.integer({ min: 1, max: 80 }), fc.constantFrom(...SIDES), async (written, events, surface) => {
    answer = written
    const { record, charge } = await abort(gateway, caller, { surface, upstream: 'openai', events })
    return record.usage.input_tokens === charge.inputTokens && isClose(record.usage.output_tokens, charge.outputTokens)
  }), { numRuns: 60 })
  t.pass('every answer')
})

t.test('an answer that is read on for its usage is given less than a second', async (t) => {
  for (const upstream of SIDES) {
    answer = ANSWERS['English'] as Answer
    const gateway = await startLimitedGateway(t, upstream, { simulator: { author: () => answer }, yaml: 'policies: { client_abort: drain }' })
    const caller = await gateway.team({})
    for (const surface of SIDES) {
      const { arrived, ended } = watch(gateway.gateway.simulator, 'stall=20')
      const left = gateway.nextEnd()
      const { request, response } = ask({ ...gateway.gateway, apiKey: caller.apiKey }, surface, bodyFor(surface))
      await once(await response, 'data')
      const { pending } = gateway.clock
      request.socket?.resetAndDestroy()
      while (gateway.clock.pending <= pending) await new Promise((resolve) => { setImmediate(resolve) })
      gateway.clock.advance(999)
      t.equal(await ended, 'client gone', `${surface} from ${upstream}`)
      const { requestId } = await left
      const { usage } = await gateway.seen(caller, `/requests/${requestId}`)
      const { charge } = await arrived
      t.ok(isClose(usage.output_tokens, charge.outputTokens), `${usage.output_tokens} for ${charge.outputTokens}`)
    }
  }
})
