import t from 'tap'
import { ask, COMPATIBLE, MULTIMODAL, NATIVE, simulatorFor, STREAMED, WEATHER_TOOL } from '../wire.ts'

interface Row {
  readonly name: string
  readonly model?: string
  readonly message: string | RegExp
  readonly code?: string
  readonly parameters?: Record<string, unknown>
  readonly messages?: unknown
  readonly stream?: true
  readonly dialects?: readonly string[]
}

const NAMED = (name: string): unknown => ({ type: 'function', function: { name } })
const CALL = { role: 'assistant', content: '', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] }
const USER = { role: 'user', content: 'hi' }
const ROLES = 'Role must be in ["user","assistant","system","function","plugin","tool"] and the role in last message must be in ["user","function","tool"]'
const STOP = /^The "stop" parameter must be of type "str", "list\[str\]", "list\[int\]", or "list\[list\[int\]\]"/
const PAIRING = 'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id".'
const MESSAGE = { result_format: 'message' }

const ROWS: readonly Row[] = [
  { name: 'temperature 2', parameters: { temperature: 2 }, message: 'Temperature should be in [0.0, 2.0)' },
  { name: 'a negative temperature', parameters: { temperature: -0.1 }, message: 'Temperature should be in [0.0, 2.0)' },
  { name: 'temperature as text', parameters: { temperature: '1' }, message: "'temperature' must be Float" },
  { name: 'top_p 0', parameters: { top_p: 0 }, message: 'Range of top_p should be (0.0, 1.0]' },
  { name: 'top_p above 1', parameters: { top_p: 1.1 }, message: 'Range of top_p should be (0.0, 1.0]' },
  { name: 'top_p as a list', parameters: { top_p: [] }, message: "'top_p' must be Float" },
  { name: 'a negative top_k', parameters: { top_k: -1 }, message: 'Parameter top_k be greater than or equal to 0' },
  { name: 'repetition_penalty 0', parameters: { repetition_penalty: 0 }, message: 'Repetition_penalty should be greater than 0.0' },
  { name: 'presence_penalty above 2', parameters: { presence_penalty: 2.1 }, message: 'Presence_penalty should be in [-2.0, 2.0]' },
  { name: 'max_tokens 0', parameters: { max_tokens: 0 }, message: /Range of max_tokens should be \[1, 8192\]$/ },
  { name: 'max_tokens above the cap', parameters: { max_tokens: 8193 }, message: /Range of max_tokens should be \[1, 8192\]$/ },
  { name: 'half a max_tokens', parameters: { max_tokens: 1.5 }, message: /Range of max_tokens should be \[1, 8192\]$/ },
  { name: 'n 0', parameters: { n: 0 }, message: 'Range of n should be [1, 4]' },
  { name: 'n 5', parameters: { n: 5 }, message: 'Range of n should be [1, 4]' },
  { name: 'a seed of 65 bits', parameters: { seed: 'RAW 18446744073709551616' }, message: 'Range of seed should be [0, 9223372036854775807]' },
  { name: 'a negative seed', parameters: { seed: -1 }, dialects: ['native'], message: 'Range of seed should be [0, 9223372036854775807]' },
  {
    name: 'a negative seed', parameters: { seed: -1 }, dialects: ['compatible'], code: 'invalid_value', message: "-1 is lesser than the minimum of 0 - 'seed'"
  },
  { name: 'stops of two kinds', parameters: { stop: ['a', 1] }, message: STOP },
  { name: 'a number for a stop', parameters: { stop: 5 }, message: STOP },
  { name: 'top_logprobs 6', parameters: { top_logprobs: 6 }, message: 'Range of top_logprobs should be [0, 5]' },
  { name: 'JSON mode without the word', parameters: { response_format: { type: 'json_object' } }, message: /^'messages' must contain the word 'json'/ },
  { name: 'search with a coder model', parameters: { enable_search: true }, message: 'This model does not support enable_search.' },
  { name: 'tools that are no list', parameters: { ...MESSAGE, tools: {} }, message: "'tools' must be Array" },
  { name: 'no tools in a list of tools', parameters: { ...MESSAGE, tools: [] }, message: "[] is too short - 'tools'" },
  { name: 'a tool that is no function', parameters: { ...MESSAGE, tools: [{ type: 'custom' }] }, message: 'The tool call is not supported.' },
  { name: 'a tool with a space in its name', parameters: { ...MESSAGE, tools: [NAMED('get weather')] }, message: /^'get weather' does not match/ },
  { name: 'a tool with a name of 65 letters', parameters: { ...MESSAGE, tools: [NAMED('a'.repeat(65))] }, message: /does not match/ },
  { name: 'a tool called search', parameters: { ...MESSAGE, tools: [NAMED('search')] }, message: 'Tool names are not allowed to be [search]' },
  {
    name: 'tool_choice required', parameters: { ...MESSAGE, tools: [WEATHER_TOOL], tool_choice: 'required' }, message: /^tool_choice is one of the strings/
  },
  {
    name: 'tool_choice for a tool that is not there',
    parameters: { ...MESSAGE, tools: [WEATHER_TOOL], tool_choice: NAMED('f') },
    message: 'The tool call is not supported.'
  },
  {
    name: 'thinking with a coder model',
    parameters: { enable_thinking: true },
    code: 'InvalidParameter.NotSupportEnableThinking',
    dialects: ['native'],
    message: 'The model qwen-coder-turbo does not support enable_thinking.'
  },
  {
    name: 'thinking without a stream',
    model: 'qwen-turbo',
    parameters: { enable_thinking: true, ...MESSAGE },
    message: 'parameter.enable_thinking must be set to false for non-streaming calls'
  },
  { name: 'a reasoning model without a stream', model: 'qwq-plus', message: /^This model only support stream mode/ },
  { name: 'a reasoning model told not to think', model: 'qwq-plus', stream: true, parameters: { enable_thinking: false }, message: /restricted to True/ },
  {
    name: 'a forced tool while thinking',
    model: 'qwen-plus',
    stream: true,
    parameters: { enable_thinking: true, incremental_output: true, ...MESSAGE, tools: [WEATHER_TOOL], tool_choice: NAMED('get_weather') },
    message: /does not support being set to required or object in thinking mode$/
  },
  {
    name: 'a budget for thoughts above that of the model',
    model: 'qwen-plus',
    stream: true,
    parameters: { enable_thinking: true, incremental_output: true, ...MESSAGE, thinking_budget: 100_000 },
    message: 'The thinking_budget parameter must be a positive integer and not greater than 81920'
  },
  {
    name: 'JSON mode while thinking',
    model: 'qwen-plus',
    stream: true,
    parameters: { enable_thinking: true, incremental_output: true, ...MESSAGE, response_format: { type: 'json_object' } },
    messages: [{ role: 'user', content: 'as json' }],
    message: 'Json mode response is not supported when enable_thinking is true'
  },
  { name: 'messages that are no list', messages: {}, dialects: ['native'], message: 'Input should be a valid dictionary or instance of GPT3Message' },
  { name: 'messages that are no list', messages: {}, dialects: ['compatible'], message: "'messages' is a required property" },
  { name: 'no messages', messages: [], message: "[] is too short - 'messages'" },
  { name: 'a message that is a text', messages: ['hi'], message: 'Input should be a valid dictionary or instance of GPT3Message' },
  { name: 'a developer', messages: [{ role: 'developer', content: 'x' }, USER], dialects: ['native'], message: ROLES },
  {
    name: 'a developer',
    messages: [{ role: 'developer', content: 'x' }, USER],
    dialects: ['compatible'],
    message: "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.[0].role'"
  },
  { name: 'an assistant last', messages: [USER, { role: 'assistant', content: 'x' }], message: ROLES },
  { name: 'a call without content', messages: [USER, { ...CALL, content: undefined }, USER], message: 'Input error. Field required: input.messages.1.content' },
  {
    name: 'a call with null for content',
    messages: [USER, { ...CALL, content: null }, USER],
    dialects: ['native'],
    message: 'Input error. Field required: input.messages.1.content'
  },
  { name: 'a user without content', messages: [{ role: 'user' }], message: 'The content field is a required field.' },
  {
    name: 'a result nobody asked for',
    messages: [USER, { role: 'tool', tool_call_id: 'call_1', content: '1' }],
    message: 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
  },
  { name: 'a call nobody answers', messages: [USER, CALL, USER], message: PAIRING },
  {
    name: 'a result for another call',
    messages: [USER, CALL, { role: 'tool', tool_call_id: 'call_2', content: '1' }],
    message: 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
  },
  {
    name: 'nobody asking',
    messages: [CALL, { role: 'tool', tool_call_id: 'call_1', content: '1' }],
    message: 'The input messages do not contain elements with the role of user.'
  },
  { name: 'content in parts', messages: [{ role: 'user', content: [{ text: 'hi' }] }], dialects: ['native'], message: 'input content must be a string.' },
  {
    name: 'a prompt longer than the model reads',
    messages: [{ role: 'user', content: '1'.repeat(129_024) }],
    message: /Range of input length should be \[1, 129024\]$/
  },
  { name: 'increments without a stream', parameters: { incremental_output: true }, dialects: ['native'], message: 'parameter incremental_output only support stream call' },
  { name: 'an unknown result_format', parameters: { result_format: 'json' }, dialects: ['native'], message: /^Parameter result_format should be in/ },
  { name: 'tools in text format', parameters: { tools: [WEATHER_TOOL] }, dialects: ['native'], message: /^The result_format parameter must be "message"/ },
  {
    name: 'thoughts in text format',
    model: 'qwen-plus',
    stream: true,
    parameters: { enable_thinking: true, incremental_output: true },
    dialects: ['native'],
    message: 'The result_format parameter must be "message" when enable_thinking is true'
  },
  {
    name: 'thoughts that are repeated',
    model: 'qwen-plus',
    stream: true,
    parameters: { enable_thinking: true, ...MESSAGE },
    dialects: ['native'],
    message: 'The incremental_output parameter must be "true" when enable_thinking is true'
  },
  {
    name: 'a reasoning model told to repeat itself',
    model: 'qwq-plus',
    stream: true,
    parameters: { incremental_output: false },
    dialects: ['native'],
    message: 'The incremental_output parameter of this model cannot be set to False.'
  }
]

t.test('what the service refuses, the simulator refuses in the same words', async t => {
  const simulator = await simulatorFor(t)
  for (const row of ROWS) {
    for (const dialect of row.dialects ?? ['native', 'compatible']) {
      await t.test(`${row.name} (${dialect})`, async t => {
        const { status, text } = await ask(simulator, requestOf(row, dialect))
        const document = JSON.parse(text)
        t.equal(status, 400)
        if (dialect === 'native') {
          t.same(Object.keys(document), ['code', 'message', 'request_id'])
          t.match(document, { code: row.code ?? 'InvalidParameter', message: row.message })
        } else {
          t.match(document.error, { code: row.code ?? 'invalid_parameter_error', type: 'invalid_request_error', param: null, message: row.message })
        }
      })
    }
  }
})

function requestOf (row: Row, dialect: string): { path: string, body: string, headers: Record<string, string> } {
  const { model = 'qwen-coder-turbo', parameters = {}, messages = [USER] } = row
  const body = dialect === 'native'
    ? { model, input: { messages }, parameters }
    : { model, messages, ...parameters, ...(row.stream === undefined ? {} : { stream: true }) }
  return {
    path: dialect === 'native' ? NATIVE : COMPATIBLE,
    headers: row.stream === undefined ? {} : STREAMED,
    body: JSON.stringify(body).replace(/"RAW (\d+)"/, '$1')
  }
}

const SHAPES: readonly { name: string, path: string, body: unknown, headers?: Record<string, string>, status?: number, expected: unknown }[] = [
  { name: 'no JSON', path: NATIVE, body: '{', expected: { code: 'InvalidParameter', message: 'Required body invalid, please check the request body format.' } },
  { name: 'no model', path: NATIVE, body: { input: { prompt: 'x' } }, expected: { code: 'BadRequest.EmptyModel', message: 'Required parameter "model" missing from request.' } },
  { name: 'no input', path: NATIVE, body: { model: 'qwen-max' }, expected: { code: 'BadRequest.EmptyInput', message: 'Required input parameter missing from request.' } },
  { name: 'an encrypted input', path: NATIVE, body: { model: 'qwen-max', input: 'AAAA' }, expected: { code: 'BadRequest.IllegalInput' } },
  { name: 'parameters that are a list', path: NATIVE, body: { model: 'qwen-max', input: { prompt: 'x' }, parameters: [] }, expected: { code: 'InvalidParameter' } },
  {
    name: 'tools beside the parameters',
    path: NATIVE,
    body: { model: 'qwen-max', input: { prompt: 'x' }, tools: [] },
    expected: { code: 'InvalidParameter', message: 'Unknown parameter "tools" beside model, input and parameters.' }
  },
  {
    name: 'neither prompt nor messages',
    path: NATIVE,
    body: { model: 'qwen-max', input: {} },
    expected: { message: 'Either "prompt" or "messages" must exist and cannot both be none' }
  },
  { name: 'a vision model at the text service', path: NATIVE, body: { model: 'qwen-vl-max', input: { prompt: 'x' } }, expected: { message: 'url error, please check url！' } },
  {
    name: 'an asynchronous call',
    path: NATIVE,
    headers: { 'x-dashscope-async': 'enable' },
    body: { model: 'qwen-max', input: { prompt: 'x' } },
    status: 403,
    expected: { code: 'AccessDenied', message: 'Current user api does not support asynchronous calls.' }
  },
  { name: 'an unknown model', path: MULTIMODAL, body: { model: 'gpt-4', input: { prompt: 'x' } }, status: 404, expected: { code: 'ModelNotFound', message: 'Model can not be found.' } },
  { name: 'no model', path: COMPATIBLE, body: { messages: [USER] }, expected: { error: { code: 'invalid_request_error', message: 'you must provide a model parameter.' } } },
  { name: 'no messages', path: COMPATIBLE, body: { model: 'qwen-max', input: {} }, expected: { error: { message: "'messages' is a required property" } } },
  { name: 'a stream that is a text', path: COMPATIBLE, body: { model: 'qwen-max', messages: [USER], stream: 'true' }, expected: { error: { message: "'stream' must be Boolean" } } },
  {
    name: 'a tool result in parts',
    path: COMPATIBLE,
    body: { model: 'qwen-max', messages: [USER, CALL, { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: '1' }] }] },
    expected: { error: { message: 'input content must be a string.' } }
  },
  {
    name: 'an unknown model',
    path: COMPATIBLE,
    body: { model: 'gpt-4', messages: [USER] },
    status: 404,
    expected: { error: { code: 'model_not_found', message: 'The model `gpt-4` does not exist or you do not have access to it.' } }
  },
  { name: 'an unknown path', path: '/api/v1/public-keys/latest', body: {}, status: 404, expected: { code: 'NotFound' } }
]

t.test('bodies of the wrong shape are refused', async t => {
  const simulator = await simulatorFor(t)
  for (const { name, path, body, headers, status = 400, expected } of SHAPES) {
    await t.test(`${name} at ${path}`, async t => {
      const answered = await ask(simulator, { path, body, ...(headers === undefined ? {} : { headers }) })
      t.equal(answered.status, status)
      t.match(JSON.parse(answered.text), expected as object)
    })
  }
})

t.test('what is allowed at the edges of the ranges is taken', async t => {
  const simulator = await simulatorFor(t)
  const edges = [
    { temperature: 0, top_p: 1, top_k: 0, presence_penalty: -2, max_tokens: 8192, n: 4, seed: 0 },
    { temperature: 1.99, top_p: 0.01, top_k: null, repetition_penalty: 0.1, presence_penalty: 2, max_tokens: 1, n: 1, seed: 'RAW 18446744073709551615' },
    { stop: '。' }, { stop: ['a', 'b'] }, { stop: [108386] }, { stop: [[108386, 103924], [35946]] }, { stream: true }, { unknown: 1 }
  ]
  for (const parameters of edges) {
    const { status, text } = await ask(simulator, requestOf({ name: '', message: '', parameters }, 'native'))
    t.equal(status, 200, text)
  }
  const results = [CALL, { role: 'tool', name: 'f', content: '42' }]
  const { status } = await ask(simulator, requestOf({ name: '', message: '', messages: [USER, ...results] }, 'native'))
  t.equal(status, 200, 'a native tool result needs no id')
})

t.test('a key has to be good', async t => {
  const simulator = await simulatorFor(t, { keys: ['sk-good'] })
  const native = await ask(simulator, { path: NATIVE, body: {}, headers: { authorization: 'Bearer sk-bad' } })
  t.equal(native.status, 401)
  t.match(JSON.parse(native.text), { code: 'InvalidApiKey', message: 'Invalid API-key provided.' })
  const compatible = await ask(simulator, { path: COMPATIBLE, body: {}, headers: { authorization: 'sk-good' } })
  t.equal(compatible.status, 401)
  t.match(JSON.parse(compatible.text).error, { code: 'invalid_api_key', message: 'Incorrect API key provided.' })
  const good = await ask(simulator, { path: '/v1/models', method: 'GET', headers: { authorization: 'bearer sk-good' } })
  t.equal(good.status, 200)
})

t.test('a chat is posted', async t => {
  const simulator = await simulatorFor(t)
  const { status, text } = await ask(simulator, { path: NATIVE, method: 'GET' })
  t.equal(status, 400)
  t.equal(JSON.parse(text).message, "Request method 'GET' is not supported.")
})

t.test('a body of more than 16 MiB is too large', async t => {
  const simulator = await simulatorFor(t)
  const { status, text } = await ask(simulator, { path: NATIVE, body: ' '.repeat(16 * 1024 * 1024 + 1) })
  t.equal(status, 400)
  t.match(JSON.parse(text), { code: 'BadRequest.TooLarge', message: 'Payload Too Large.' })
})
