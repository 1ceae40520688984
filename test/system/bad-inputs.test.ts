import { EventEmitter, once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Test } from 'tap'
import { BAD_INPUTS, badInputsOf } from '../fixtures/bad-inputs/cases.ts'
import { BODY_BYTES_MAX, bodyOf } from '../fixtures/bad-inputs/bodies.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { ask } from '../http/wire.ts'
import { createTokenCounter } from '../../src/tokens/counter.ts'
import { startApp } from '../http/listening-app.ts'
import { startGateway } from '../support/gateway.ts'
import type { Answer } from '../http/wire.ts'
import type { BadInput } from '../fixtures/bad-inputs/cases.ts'
import type { Gateway, GatewayOptions } from '../support/gateway.ts'

/** Cases that need what the gateway does not have yet. One that is met all the same must leave this table. */
const BEYOND: Readonly<Record<string, string>> = {
  'openai.idempotency_same_key_other_body': 'answers are not kept by idempotency key',
  'dashscope.workspace_other_tenant': 'keys have no list of workspaces',
  'auth.old_key_in_grace': 'keys do not rotate',
  'auth.client_key_on_admin': 'there is no admin API',
  'auth.key_create_wildcard_scope': 'there is no admin API'
}

const OVER_INPUT_CAP = 'more tokens than the model takes, which is refused before any call'

/** Where the study's expectation was overruled since. */
const OVERRULED: Readonly<Record<string, { readonly status: number, readonly why: string }>> = {
  'tokenizer.letters_1MB': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.alternating_ab': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.emoji_zwj': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.cjk_1MB': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.random_bytes_latin1': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.newlines': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.digits': { status: 400, why: OVER_INPUT_CAP },
  'tokenizer.combining': { status: 400, why: OVER_INPUT_CAP }
}

/** What the vendor's page forbids and `vendor_rules: strict` refuses; the last member says whether the default takes it. */
const STRICT: Readonly<Record<string, 'refused by default' | 'taken by default'>> = {
  'openai.stream_with_tools_http': 'taken by default',
  'openai.system_not_first': 'refused by default',
  'openai.last_is_assistant': 'refused by default',
  'dashscope.incremental_output_with_tools': 'taken by default'
}

/** The codes both dialects have for a status, as their clients look at them. */
const OPENAI_CODES: Readonly<Record<number, string>> = {
  400: 'invalid_parameter_error',
  401: 'invalid_api_key',
  404: 'model_not_found',
  405: 'method_not_allowed',
  413: 'request_too_large',
  415: 'unsupported_media_type',
  417: 'invalid_parameter_error'
}
/** Where the vendor's catalogue of errors has a code for just this. */
const EXACTER_CODES: Readonly<Record<string, string>> = {
  'dashscope.input_missing': 'BadRequest.EmptyInput',
  'dashscope.input_is_array': 'BadRequest.IllegalInput'
}
const DASHSCOPE_CODES = /^(InvalidParameter|BadRequest\.\w+)$/

const SMALL_CHAT = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
const INPUTS = badInputsOf('openai', 'dashscope')

t.test('the tables name cases that exist', async (t) => {
  const names = new Set(BAD_INPUTS.map((input) => input.name))
  for (const name of [BEYOND, OVERRULED, STRICT].flatMap((table) => Object.keys(table))) t.ok(names.has(name), name)
})

for (const upstreamProtocol of PROTOCOLS.keys() as Iterable<GatewayOptions['upstreamProtocol']>) {
  t.test(`every bad input, in front of an upstream that speaks ${upstreamProtocol}`, async (t) => {
    const gateway = await start(upstreamProtocol)
    t.teardown(() => gateway.close())
    for (const input of INPUTS) {
      if (input.name in BEYOND) t.notOk(isExpected(input, await send(gateway, input)), `${input.name}: ${BEYOND[input.name]}`)
      else if (!(input.name in STRICT)) await t.test(input.name, async (t) => await meet(t, gateway, input))
    }
    await t.test('what is only forbidden on paper is taken', async (t) => {
      for (const input of INPUTS.filter(({ name }) => name in STRICT)) {
        const { status } = await send(gateway, input)
        t.equal(status, STRICT[input.name] === 'taken by default' ? 200 : 400, input.name)
      }
      t.equal((await sendMessages(gateway, ['user', 'system', 'user'])).status, 200)
    })
    await t.test('none of it is in a log line or a metric', async (t) => await assertUnspoken(t, gateway))
    t.equal((await ask(`${gateway.url}/livez`)).status, 200, 'the process is alive')
  })

  t.test(`the strict rules, in front of an upstream that speaks ${upstreamProtocol}`, async (t) => {
    const gateway = await start(upstreamProtocol, 'policies: { vendor_rules: strict }')
    t.teardown(() => gateway.close())
    for (const input of INPUTS.filter(({ name }) => name in STRICT)) await t.test(input.name, async (t) => await meet(t, gateway, input))
    t.equal((await sendMessages(gateway, ['user', 'system', 'user'])).status, 400)
  })
}

t.test('a revoked key is answered as one that never was', async (t) => {
  const gateway = await start('openai')
  t.teardown(() => gateway.close())
  const revoked = await send(gateway, named('auth.revoked'))
  const unknown = await send(gateway, { ...named('auth.revoked'), headers: { 'content-type': 'application/json', authorization: 'Bearer sk-never' } })
  t.equal(unknown.status, 401)
  t.equal(anonymous(revoked), anonymous(unknown))
  t.same(Object.keys(revoked.headers).sort(), Object.keys(unknown.headers).sort())
})

/** The body without the request's own id. */
function anonymous ({ headers, text }: Answer): string {
  return text.replaceAll(String(headers['x-request-id']), '<id>')
}

t.test('a media type with capitals and spaces does not keep the body from being looked at', async (t) => {
  const gateway = await start('openai')
  t.teardown(() => gateway.close())
  const { headers } = named('http.content_type_case_space')
  for (const name of ['openai.top_p.zero', 'openai.stop.nested_too_deep', 'json.depth_65']) {
    await meet(t, gateway, { ...named(name), headers: { ...named(name).headers, ...headers } })
  }
})

t.test('while a hostile text is counted, others are answered', async (t) => {
  const held = new EventEmitter()
  const tokens = createTokenCounter({ inlineBytesMax: 65_536 }, { startWorker: () => holdingWorker(held) })
  const app = await startApp({ bodyBytesMax: BODY_BYTES_MAX, deps: { tokens } })
  t.teardown(async () => await Promise.all([app.close(), tokens.close()]))
  const headers = { authorization: `Bearer ${app.apiKey}`, 'content-type': 'application/json' }
  for (const input of INPUTS.filter(({ name }) => name.startsWith('tokenizer.') && OVERRULED[name]?.why === OVER_INPUT_CAP)) {
    const handedOver = once(held, 'held')
    const long = ask(app.url + input.path, { method: 'POST', headers, body: bodyOf(input) })
    const [release] = await handedOver as [() => void]
    // Its worker has the text and is not let begin before somebody else's whole chat is over.
    const short = await ask(app.url + input.path, { method: 'POST', headers, body: SMALL_CHAT })
    t.equal(short.status, 200, input.name)
    release()
    t.equal((await long).status, 400, input.name)
  }
  t.equal(app.charged.length, 8, 'one short chat beside each of the eight')
})

/** A token counter's worker that gets its messages only when whoever hears of them hands them on. */
function holdingWorker (held: EventEmitter): Worker {
  const worker = new Worker(new URL('../../src/tokens/worker.ts', import.meta.url))
  const post = worker.postMessage.bind(worker)
  worker.postMessage = (message: unknown) => { held.emit('held', () => post(message)) }
  return worker
}

function named (name: string): BadInput {
  const found = INPUTS.find((input) => input.name === name)
  if (found === undefined) throw new Error(`no case is named ${name}`)
  return found
}

async function start (upstreamProtocol: GatewayOptions['upstreamProtocol'], yaml = ''): Promise<Gateway> {
  return await startGateway({
    upstreamProtocol,
    yaml: `server: { port: 0, body_bytes_max: ${BODY_BYTES_MAX} }\n${yaml}`,
    simulator: { author: () => ({ reasoning: '', content: 'Fine.', toolCalls: [] }) }
  })
}

/** The status, the words, the ledger and the upstream's own count of one case. */
async function meet (t: Test, gateway: Gateway, input: BadInput): Promise<void> {
  const sentBefore = gateway.simulator.requests.length
  const answer = await send(gateway, input)
  const summary = `${answer.status} ${answer.text.slice(0, 200)}`
  t.ok(isExpected(input, answer), summary)
  t.type(answer.headers['x-request-id'], 'string')
  t.equal(answer.headers['access-control-allow-origin'], undefined, 'no page of another origin may read this')
  t.equal((Object.prototype as Record<string, unknown>)['isAdmin'] ?? (Object.prototype as Record<string, unknown>)['x'], undefined)
  const record = await recordOf(gateway, answer)
  const upstreamRequests = gateway.simulator.requests.slice(sentBefore)
  if (answer.status >= 300) {
    t.ok(input.surface === 'dashscope' ? isDashscopeError(answer) : isOpenaiError(answer), summary)
    assertNamed(t, input, answer)
    if (OVERRULED[input.name]?.why === OVER_INPUT_CAP) t.match(answer.text, 'Range of input length should be [1, 129024]')
    t.equal(record.status, 404, 'nothing is charged')
    t.equal(upstreamRequests.length, 0, 'nothing is asked of the upstream')
  } else if (answer.status === 200) {
    const [upstreamRequest] = upstreamRequests
    t.match(JSON.parse(record.text), {
      outcome: 'completed',
      usage: { input_tokens: upstreamRequest?.charge.inputTokens, output_tokens: upstreamRequest?.charge.outputTokens, source: 'reported' }
    }, 'what the upstream charged is charged')
    const seeds = /receives (?:exactly )?(\d+)(?: or (\w+))?/.exec(input.expect.also ?? '')?.slice(1).filter((seed) => seed !== undefined)
    if (seeds !== undefined) t.match(upstreamRequest?.body.toString(), new RegExp(`"seed": ?(?:${seeds.join('|')})[,}]`))
  }
}

/** The name the study has for the error, where it has one. */
function assertNamed (t: Test, { name, surface, expect }: BadInput, { text }: Answer): void {
  if (expect.code === undefined) return
  const [openaiName = '', dashscopeName = ''] = expect.code.split(' | ')
  const answered = JSON.parse(text)
  if (surface === 'dashscope') t.equal(answered.code, EXACTER_CODES[name] ?? dashscopeName)
  else t.ok([answered.error.type, answered.error.code].includes(openaiName), `${openaiName} in ${text}`)
}

function isExpected ({ name, expect }: BadInput, { status }: Answer): boolean {
  return String(OVERRULED[name]?.status ?? expect.status).split('|').includes(String(status))
}

async function send (gateway: Gateway, input: BadInput): Promise<Answer> {
  const isAboutKeys = input.name.startsWith('auth.')
  const headers: Record<string, string | readonly string[]> = isAboutKeys ? {} : { authorization: `Bearer ${gateway.apiKey}` }
  for (const [name, value] of Object.entries(input.headers)) {
    headers[name] = typeof value !== 'string' ? value : value.replace('<valid>', gateway.apiKey).replace('<10 KB>', 'w'.repeat(10_240))
  }
  return await ask(gateway.url + input.path, { method: input.method, headers, body: bodyOf(input) })
}

async function sendMessages (gateway: Gateway, roles: readonly string[]): Promise<Answer> {
  const headers = { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' }
  const messages = roles.map((role) => ({ role, content: 'hi' }))
  return await ask(`${gateway.openaiBaseUrl}/chat/completions`, {
    method: 'POST', headers, body: JSON.stringify({ model: 'qwen-coder-turbo', messages })
  })
}

async function recordOf (gateway: Gateway, { headers }: Answer): Promise<Answer> {
  const path = `/dashgate/v1/requests/${headers['x-request-id']}`
  return await ask(gateway.url + path, { headers: { authorization: `Bearer ${gateway.apiKey}` } })
}

function isOpenaiError ({ status, text }: Answer): boolean {
  const { error } = JSON.parse(text) as { error?: Record<string, unknown> }
  return error !== undefined && error['code'] === OPENAI_CODES[status] && ['message', 'type', 'param'].every((key) => key in error)
}

function isDashscopeError ({ text }: Answer): boolean {
  const body = JSON.parse(text) as Record<string, unknown>
  return Object.keys(body).sort().join() === 'code,message,request_id' && DASHSCOPE_CODES.test(String(body['code']))
}

const TELLING_CHARACTERS_MIN = 8

async function assertUnspoken (t: Test, gateway: Gateway): Promise<void> {
  const { text: metrics } = await ask(`${gateway.adminUrl}/metrics`)
  const spoken = gateway.logLines.join('') + metrics
  t.match(metrics, 'model="unknown"', 'a model that does not exist has no series of its own')
  for (const input of INPUTS) {
    const said = [...textsIn(input.body), ...textsIn(input.headers), input.raw ?? ''].filter((text) =>
      text.length >= TELLING_CHARACTERS_MIN && !text.startsWith('qwen-'))
    for (const text of said) {
      if (spoken.includes(text) || spoken.includes(JSON.stringify(text).slice(1, -1))) t.fail(`${input.name}: ${text}`)
    }
  }
}

function textsIn (value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
