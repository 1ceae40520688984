import t from 'tap'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { refusalOf } from '../../support/refusal.ts'
import { MULTIMODAL_PATH, STREAM, callOf, opened, targetWith } from './samples.ts'

const NO_CHANGE = { outputTokensMax: undefined }

function relayed (body: object | string, changes: { outputTokensMax: number | undefined } = NO_CHANGE, target = targetWith()) {
  const call = callOf(body, STREAM)
  const sent = dashscope.dialect.relayRequest(call, opened(call), target, changes)
  return { call, sent, text: sent?.body.toString() }
}

t.test('sends the very bytes of a call that needs nothing changed', async t => {
  const { call, sent } = relayed('{"input":{"prompt":"hi"} , "unknown":[1],"model":"qwen-coder-turbo","parameters":{"seed":18446744073709551615}}')
  t.equal(sent?.body, call.body.bytes)
  t.equal(sent?.path, '/services/aigc/text-generation/generation')
  t.equal(sent?.stream, true)
  t.strictSame(sent?.ignoredParameters, [])
})

t.test('changes the model, the cap, the Python SDK\'s stream and a negative zero, and nothing else', async t => {
  const body = '{"input":{"prompt":"hi"},"x":1e400,"model":"qwen-coder-turbo","parameters":{"stream":true,"presence_penalty":-0, "a":12345678901234567890}}'
  t.equal(relayed(body, { outputTokensMax: 5 }, targetWith({}, 'other')).text,
    '{"input":{"prompt":"hi"},"x":1e400,"model":"other","parameters":{"max_tokens":5,"presence_penalty":0, "a":12345678901234567890}}')
})

t.test('changes a key with a dot in its name where it stands', async t => {
  const body = '{"parameters.x":-0,"model":"qwen-coder-turbo","input":{"prompt":"hi"},"parameters":{"a.b":-0,".c":-0}}'
  t.equal(relayed(body).text, body.replace('"a.b":-0,".c":-0', '"a.b":0,".c":0'))
})

t.test('lowers the cap where the client has parameters and where it has none', async t => {
  const model = '"model":"qwen-coder-turbo","input":{"prompt":"hi"}'
  t.equal(relayed(`{${model}}`, { outputTokensMax: 5 }).text, `{"parameters":{"max_tokens":5},${model}}`)
  t.equal(relayed(`{${model},"parameters":{"stream":true}}`, { outputTokensMax: 5 }).text, `{${model},"parameters":{"max_tokens":5}}`)
  t.equal(relayed(`{${model},"parameters":{"max_tokens":9}}`, { outputTokensMax: 5 }).text, `{${model},"parameters":{"max_tokens":5}}`)
})

t.test('lets neither of two caps promise more than was granted', async t => {
  const model = '"model":"qwen-coder-turbo","input":{"prompt":"hi"}'
  t.equal(relayed(`{${model},"parameters":{"max_tokens":90,"max_completion_tokens":50}}`).text,
    `{${model},"parameters":{"max_tokens":50,"max_completion_tokens":50}}`)
  t.equal(relayed(`{${model},"parameters":{"max_tokens":9,"max_completion_tokens":50}}`, { outputTokensMax: 20 }).text,
    `{${model},"parameters":{"max_tokens":9,"max_completion_tokens":20}}`)
  const thinking = `{${model},"parameters":{"max_tokens":9,"max_completion_tokens":50}}`
  t.equal(relayed(thinking).text, thinking, 'thinking has its own room')
})

t.test('takes out the nulls the service refuses and leaves the others', async t => {
  const model = '"model":"qwen-coder-turbo","input":{"prompt":"hi"}'
  t.equal(relayed(`{${model},"parameters":{"result_format":null,"top_k":null,"incremental_output":null,"seed":null}}`).text,
    `{${model},"parameters":{"top_k":null,"seed":null}}`)
  t.equal(relayed(`{${model},"parameters":null}`).text, `{${model}}`)
  t.equal(relayed(`{${model},"parameters":null}`, { outputTokensMax: 5 }).text, `{${model},"parameters":{"max_tokens":5}}`)
})

t.test('hands on the vendor\'s headers and no others', async t => {
  const call = callOf({}, {
    ...STREAM,
    'x-dashscope-workspace': 'ws',
    'x-dashscope-plugin': '{}',
    'x-dashscope-ossresourceresolve': 'enable',
    'x-dashscope-useragent': 'x',
    authorization: 'Bearer secret'
  })
  t.strictSame(dashscope.dialect.relayRequest(call, opened(call), targetWith(), NO_CHANGE)?.headers, {
    'Content-Type': 'application/json',
    Accept: 'text/event-stream',
    'X-DashScope-SSE': 'enable',
    'X-DashScope-WorkSpace': 'ws',
    'X-DashScope-Plugin': '{}',
    'X-DashScope-OssResourceResolve': 'enable'
  })
  const whole = callOf({})
  t.strictSame(dashscope.dialect.relayRequest(whole, opened(whole), targetWith(), NO_CHANGE)?.headers,
    { 'Content-Type': 'application/json', Accept: 'application/json' })
  t.strictSame(dashscope.dialect.authorize({ id: 'i', key: 'k', weight: 1 }), { authorization: 'Bearer k' })
  t.strictSame(dashscope.dialect.authorize({ id: 'i', key: 'k', weight: 1, workspace: 'ws' }), { authorization: 'Bearer k', 'x-dashscope-workspace': 'ws' })
})

t.test('leaves to the canonical lane what the bytes as they are would not do', async t => {
  const whole = callOf({})
  t.equal(dashscope.dialect.relayRequest(whole, opened(whole), targetWith({ streamOnly: true }), NO_CHANGE), undefined)
  const other = callOf({}, STREAM, MULTIMODAL_PATH)
  t.equal(dashscope.dialect.relayRequest(other, opened(other), targetWith(), NO_CHANGE), undefined)
  t.equal(dashscope.dialect.relayRequest(other, opened(other), targetWith({ nativeService: 'multimodal-generation' }), NO_CHANGE)?.path,
    '/services/aigc/multimodal-generation/generation')
})

t.test('says tool_choice as the target takes it', async t => {
  const body = { parameters: { tool_choice: 'required' } }
  t.match(relayed(body).text, /"required"/)
  t.match(relayed(body, NO_CHANGE, targetWith({ toolChoiceRequired: 'auto' })).text, /"tool_choice":"auto"/)
  t.match(refusalOf(() => relayed(body, NO_CHANGE, targetWith({ toolChoiceRequired: 'reject' }))), { kind: 'unsupported_parameter', param: 'tool_choice' })
})
