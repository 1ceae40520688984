import t from 'tap'
import type { Test } from 'tap'
import { ask } from '../http/wire.ts'
import { badInputsOf } from '../fixtures/bad-inputs/cases.ts'
import { eventsSaying, startHostileUpstream } from '../fixtures/bad-inputs/hostile-upstream.ts'
import { eventsOf } from '../support/sse.ts'
import { createManualClock } from '../support/fixed.ts'
import { startGateway } from '../support/gateway.ts'
import type { Answer } from '../http/wire.ts'
import type { BadInput } from '../fixtures/bad-inputs/cases.ts'
import type { ManualClock } from '../support/fixed.ts'
import type { Gateway, GatewayOptions } from '../support/gateway.ts'
import type { ScriptedAnswer } from '../fixtures/bad-inputs/hostile-upstream.ts'

type Speech = GatewayOptions['upstreamProtocol']

/** How the client's answer ends: as an HTTP error, as a stream that is whole, or as one that owns up to its failure. */
interface Ending {
  readonly status: number
  readonly stream?: 'whole' | 'failed'
  /** `delivered`: what had come until then, which one protocol reports with every event and the other leaves to be counted. */
  readonly charged: 'nothing' | 'reported' | 'estimated' | 'delivered'
  readonly text?: string | RegExp
}

interface Trial {
  /** What the simulator does, or else what another upstream answers. */
  readonly faults?: string
  readonly scripts?: (speech: Speech) => readonly ScriptedAnswer[]
  /** The silence behind the first bytes that the gateway does not bear. */
  readonly silenceMs?: number
  readonly ending: Ending
}

const WHOLE: Ending = { status: 200, stream: 'whole', charged: 'reported' }
const ESTIMATED: Ending = { ...WHOLE, charged: 'estimated' }
const FAILED_MIDWAY: Ending = { status: 200, stream: 'failed', charged: 'delivered' }
const OVER_EVENT_BYTES = 17 * 1024 * 1024

const TRIALS: Readonly<Record<string, Trial>> = {
  'upstream.error_in_200': { faults: 'ok-error', ending: { status: 502, charged: 'nothing' } },
  'upstream.sse_error_event': { faults: 'error-frame=500:2', ending: FAILED_MIDWAY },
  'upstream.dashscope_error_in_200': {
    scripts: () => [json('{"code":"InvalidParameter","message":"Range of n should be [1, 4]","request_id":"r"}')],
    ending: { status: 400, charged: 'nothing', text: 'Range of n should be [1, 4]' }
  },
  'upstream.html_502': { faults: 'error=502:html', ending: { status: 502, charged: 'nothing', text: /^(?!.*<html)/s } },
  'upstream.usage_missing': { faults: 'usage=none', ending: ESTIMATED },
  'upstream.usage_negative': { faults: 'usage=negative', ending: ESTIMATED },
  'upstream.usage_string': { faults: 'usage=string', ending: ESTIMATED },
  'upstream.usage_huge': { faults: 'usage=huge', ending: ESTIMATED },
  'upstream.usage_twice': { faults: 'usage-twice', ending: WHOLE },
  'upstream.half_utf8_split': { faults: 'bytewise', ending: { ...WHOLE, text: '你好' } },
  'upstream.invalid_utf8': { scripts: (speech) => [stream(bytesOf(events(speech, '{"content":"h\\u00ffi"}')))], ending: WHOLE },
  'upstream.line_16MB': { scripts: () => [{ body: `data: ${'x'.repeat(OVER_EVENT_BYTES)}` }], ending: { status: 502, charged: 'estimated' } },
  'upstream.crlf_cr_lf_mix': {
    scripts: (speech) => [stream(events(speech, '{"content":"hi"}').replace('\n\n', '\r\n\r\n'))],
    ending: { ...WHOLE, text: '"hi"' }
  },
  'upstream.comment_flood': { faults: 'drip=1:10000', silenceMs: 41_000, ending: FAILED_MIDWAY },
  'upstream.event_fields_multi_data': { faults: 'multiline', ending: WHOLE },
  'upstream.bom_first': { faults: 'bom', ending: WHOLE },
  'upstream.json_proto': {
    scripts: (speech) => [stream(events(speech, '{"__proto__":{"polluted":1},"content":"hi"}'))], ending: WHOLE
  },
  'upstream.gzip_unasked': { faults: 'gzip', ending: { status: 502, charged: 'nothing' } },
  'upstream.set_cookie_and_hop_headers': {
    scripts: (speech) => [{
      ...stream(events(speech, '{"content":"hi"}')),
      headers: {
        'content-type': 'text/event-stream', 'set-cookie': ['a=b', 'c=d'], server: 'inner', 'x-internal-host': 'h', 'keep-alive': 'timeout=9'
      }
    }],
    ending: WHOLE
  },
  'upstream.header_crlf_retry_after': {
    scripts: () => ['1e9', '1000000000', '-5', 'Wed, 21 Oct 2099 07:28:00 GMT', 'soon'].map((value) => ({
      ...json('{"error":{"message":"Slow down.","type":"limit_requests","code":"limit_requests","param":null}}'),
      status: 429,
      headers: { 'content-type': 'application/json', 'retry-after': value }
    })),
    ending: { status: 429, charged: 'nothing' }
  },
  'upstream.redirect_302': { faults: 'redirect', ending: { status: 502, charged: 'nothing' } },
  'upstream.toolcall_args_invalid_json': {
    scripts: (speech) => [stream(events(speech,
      '{"content":"","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"a\\":"}}]}'))],
    ending: { ...WHOLE, text: '{\\"a\\":' }
  }
}

const INPUTS = badInputsOf('upstream')

t.test('every case of the study is tried', async (t) => {
  t.same(Object.keys(TRIALS).sort(), INPUTS.map(({ name }) => name).sort())
})

for (const speech of ['openai', 'dashscope'] as const) {
  t.test(`an upstream that speaks ${speech} and misbehaves`, async (t) => {
    const hostile = await startHostileUpstream()
    const clock = createManualClock()
    const options = {
      upstreamProtocol: speech,
      upstreamYaml: 'timeouts: { idle: 41s }',
      deps: { clock },
      simulator: { author: () => ({ reasoning: '', content: '你好, and good day to you.', toolCalls: [] }) }
    }
    const simulated = await startGateway(options)
    const scripted = await startGateway({ ...options, upstreamOrigin: hostile.origin })
    t.teardown(async () => await Promise.all([simulated.close(), scripted.close(), hostile.close()]))
    for (const input of INPUTS) {
      const { faults, scripts, silenceMs = 0, ending } = TRIALS[input.name] as Trial
      await t.test(input.name, async (t) => {
        if (faults !== undefined) {
          simulated.simulator.enqueue(faults)
          await assertEnding(t, simulated, { input, ending, onFirstBytes: async () => await letPass(clock, silenceMs, simulated) })
          t.equal(simulated.simulator.requests.filter(({ path }) => path === '/elsewhere').length, 0, 'no redirect is followed')
        }
        for (const script of scripts?.(speech) ?? []) {
          hostile.answerWith(script)
          await assertEnding(t, scripted, { input, ending, onFirstBytes: async () => {} })
        }
      })
    }
    t.equal((await ask(`${simulated.url}/livez`)).status, 200, 'the process is alive')
  })
}

const STEPS = 100

/** Lets the gateway's time go on in steps, between which it reads what its upstream has sent meanwhile. */
async function letPass (clock: ManualClock, silenceMs: number, gateway: Gateway): Promise<void> {
  if (silenceMs === 0) return
  for (let step = 0; step < STEPS; step++) {
    await ask(`${gateway.url}/livez`)
    clock.advance(silenceMs / STEPS)
  }
}

interface Expected { readonly input: BadInput, readonly ending: Ending, readonly onFirstBytes: () => Promise<void> }

async function assertEnding (t: Test, gateway: Gateway, { input, ending, onFirstBytes }: Expected): Promise<void> {
  const response = await fetch(gateway.url + input.path, {
    method: 'POST',
    redirect: 'manual',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(input.body)
  })
  await onFirstBytes()
  const answer = { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
  t.equal(answer.status, ending.status, answer.text.slice(0, 300))
  if (ending.text !== undefined) t.match(joined(answer), ending.text)
  if (ending.stream !== undefined) {
    const datas = eventsOf(answer.text).flatMap(({ data }) => data ?? [])
    const isWhole = datas.at(-1) === '[DONE]'
    const isFailed = !isWhole && 'error' in JSON.parse(datas.at(-1) ?? '{}')
    t.equal(isWhole ? 'whole' : isFailed ? 'failed' : 'cut', ending.stream, answer.text.slice(-300))
  }
  for (const name of ['set-cookie', 'server', 'x-internal-host', 'location']) t.notOk(name in answer.headers, `${name} stays behind`)
  const retryAfter = Number(answer.headers['retry-after'] ?? 1)
  t.ok(retryAfter >= 1 && retryAfter <= 60, `retry-after ${answer.headers['retry-after']}`)
  t.notOk('polluted' in Object.prototype)
  await assertCharged(t, gateway, { answer, charged: ending.charged })
}

interface Charged { readonly usage: { input_tokens: number, output_tokens: number, source: string }, readonly cost_nano: number }

async function assertCharged (t: Test, gateway: Gateway, { answer, charged }: { answer: Answer, charged: Ending['charged'] }): Promise<void> {
  const record = await ask(`${gateway.url}/dashgate/v1/requests/${answer.headers['x-request-id']}`, {
    headers: { authorization: `Bearer ${gateway.apiKey}` }
  })
  t.equal(record.status, 200, `charged ${charged}: ${record.text.slice(0, 500)}`)
  const { usage, cost_nano: costNano } = JSON.parse(record.text) as Charged
  if (charged === 'nothing') {
    t.same([usage.input_tokens, usage.output_tokens, costNano], [0, 0, 0], 'what cost nothing has a record that says so')
    return
  }
  if (charged !== 'delivered') t.equal(usage.source, charged)
  t.ok(usage.input_tokens > 0 && usage.input_tokens < 100 && usage.output_tokens >= 0 && usage.output_tokens < 100, 'a sum one can believe')
}

/** The content of a stream, pieces joined, before the rest of it. */
function joined ({ text }: Answer): string {
  const pieces = [...text.matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1])
  return `${pieces.join('')}\n${text}`
}

function json (body: string): ScriptedAnswer {
  return { headers: { 'content-type': 'application/json' }, body }
}

function stream (body: string | Buffer): ScriptedAnswer {
  return { body }
}

function events (speech: Speech, delta: string): string {
  return eventsSaying(speech, delta).map((event) => `${event}\n\n`).join('')
}

/** The letter ÿ becomes the byte FF, which no UTF-8 text has. */
function bytesOf (text: string): Buffer {
  return Buffer.from(text.replace('\\u00ff', 'ÿ'), 'latin1')
}
