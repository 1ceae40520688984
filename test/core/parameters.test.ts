import t from 'tap'
import { booleanParameter, checkParameters, integerParameter, SHARED_PARAMETERS, thinkingOf } from '../../src/core/parameters.ts'
import { parseJson } from '../../src/core/json.ts'
import { refusalOf, shownRefusal } from '../support/refusal.ts'
import type { JsonObject } from '../../src/core/json.ts'

/** Values as literals, because that is what a client sends: what a double makes of them is part of what is tested. */
interface Row { readonly name: string, readonly inside: readonly string[], readonly outside: readonly string[], readonly message: string }

const BIG = '18446744073709551615'
const NOT_NUMBERS = ['"1"', 'true', '[]', '{}', '[1]']
const STOP = 'The "stop" parameter must be of type "str", "list[str]", "list[int]", or "list[list[int]]", ' +
  'and all elements within the list must be of the same type.'
const TOOL_TYPE = "'tools': the type of a tool must be function"
const TOOL_NAME = "'tools': a function's name must be 1 to 64 letters, digits, underscores or dashes"
const tool = (name: string): string => `{"type":"function","function":{"name":${JSON.stringify(name)}}}`
const list = (entry: string, count: number): string => `[${Array(count).fill(entry).join(',')}]`

const ROWS: readonly Row[] = [
  { name: 'temperature', inside: ['0', '0.0', '-0', '0.7', '1', '1.999999', '1e-7'], outside: ['2', '2.0', '-0.1', '-1', '1e10'], message: 'Temperature should be in [0.0, 2.0)' },
  { name: 'temperature', inside: [], outside: [...NOT_NUMBERS, BIG, '1e400'], message: "'temperature' must be Float" },
  { name: 'top_p', inside: ['1', '1.0', '0.8', '1e-9'], outside: ['0', '-0', '-0.1', '1.0000001', '2'], message: 'Range of top_p should be (0.0, 1.0]' },
  { name: 'top_p', inside: [], outside: [...NOT_NUMBERS, BIG, '1e400'], message: "'top_p' must be Float" },
  { name: 'top_k', inside: ['1', '50', '101', '20.0'], outside: ['0', '-1', '-100'], message: 'Parameter top_k be greater than or equal to 1' },
  { name: 'top_k', inside: [], outside: [...NOT_NUMBERS, '0.5', BIG], message: "'top_k' must be Integer" },
  { name: 'presence_penalty', inside: ['-2', '2.0', '0', '1.5'], outside: ['-2.0001', '2.1', '1e30'], message: 'Presence_penalty should be in [-2.0, 2.0]' },
  { name: 'presence_penalty', inside: [], outside: [...NOT_NUMBERS, '1e400'], message: "'presence_penalty' must be Float" },
  { name: 'frequency_penalty', inside: ['-2', '2.0', '0', '1.5'], outside: ['-2.0001', '2.1'], message: 'Frequency_penalty should be in [-2.0, 2.0]' },
  { name: 'frequency_penalty', inside: [], outside: NOT_NUMBERS, message: "'frequency_penalty' must be Float" },
  { name: 'repetition_penalty', inside: ['1e-9', '1', '1.05', '100'], outside: ['0', '-0', '-1'], message: 'Repetition_penalty should be greater than 0.0' },
  { name: 'repetition_penalty', inside: [], outside: NOT_NUMBERS, message: "'repetition_penalty' must be Float" },
  {
    name: 'seed',
    inside: ['0', '1', '666', '1e3', '1.0', '9007199254740991', '9007199254740993', '9223372036854775807', '9223372036854775808', BIG],
    outside: ['-1', '18446744073709551616', '1.5', '"1"', '1e400', '-1e400', '1e20', '-9007199254740993', '1'.repeat(1_000_000), 'true', '[]', '{}', '[1]'],
    message: 'Range of seed should be [0, 18446744073709551615]'
  },
  { name: 'n', inside: ['1', '2', '4', '1.0'], outside: ['0', '-1', '5', '1e9'], message: 'Range of n should be [1, 4]' },
  { name: 'n', inside: [], outside: [...NOT_NUMBERS, '1.5', BIG], message: "'n' must be Integer" },
  {
    name: 'stop',
    inside: ['"你好"', '["你好","天气"]', '[108386,104307]', '[[108386,103924],[35946,101243]]', '[]', '["a"]', '[0]', list('"a"', 1_000)],
    outside: ['""', '["a",""]', '["你好",104307]', '[1,[1]]', '[[1],["a"]]', '[[]]', '[[1],[]]', '[1.5]', '[-1]', `[${BIG}]`, '[null]', '[true]', '1', 'true', '{}',
      '{"0":"a"}', list('"a"', 1_001), `[${list('1', 1_001)}]`, '[[[1]]]'],
    message: STOP
  },
  {
    name: 'tools',
    inside: ['[]', `[${tool('a')}]`, `[${tool('get_current_weather')},${tool('A-1_z')}]`, `[${tool('x'.repeat(64))}]`, list(tool('a'), 1_000)],
    outside: ['{}', '"[]"', '1', 'true', tool('a')],
    message: "'tools' must be List"
  },
  { name: 'tools', inside: [], outside: [list(tool('a'), 1_001)], message: "'tools' must have at most 1000 entries" },
  { name: 'tools', inside: [], outside: ['[null]', '["a"]', '[{}]', '[[]]', '[{"type":"code_interpreter"}]', '[{"type":null,"function":{"name":"a"}}]', '[1]'], message: TOOL_TYPE },
  { name: 'tools', inside: [], outside: ['', 'a b', 'a.b', '天气', 'x'.repeat(65), 'a\n', '<script>'].map((name) => `[${tool(name)}]`), message: TOOL_NAME },
  {
    name: 'tools',
    inside: [],
    outside: ['[{"type":"function"}]', '[{"type":"function","function":null}]', '[{"type":"function","function":{"name":1}}]',
    `[${tool('a')},{"type":"function","function":{}}]`],
    message: TOOL_NAME
  },
  {
    name: 'tool_choice',
    inside: ['"auto"', '"none"', '"required"', '{"type":"function","function":{"name":"a"}}'],
    outside: ['"any"', '""', '"Auto"', 'true', '1', '[]', '["auto"]', BIG],
    message: 'tool_choice is one of the strings that should be ["none", "auto"]'
  },
  ...['parallel_tool_calls', 'logprobs', 'enable_thinking', 'enable_search'].map((name): Row => (
    { name, inside: ['true', 'false'], outside: ['0', '1', '"true"', '[]', '{}'], message: `'${name}' must be Boolean` })),
  { name: 'top_logprobs', inside: ['0', '5', '20'], outside: ['-1', '21'], message: 'Range of top_logprobs should be [0, 20]' },
  { name: 'top_logprobs', inside: [], outside: [...NOT_NUMBERS, '0.5'], message: "'top_logprobs' must be Integer" },
  {
    name: 'response_format',
    inside: ['{"type":"text"}', '{"type":"json_object"}', '{"type":"json_schema","json_schema":{}}'],
    outside: ['{}', '{"type":1}', '{"type":null}', '"json_object"', '[]', 'true'],
    message: "'response_format' must be an object with a type"
  },
  { name: 'thinking_budget', inside: ['1', '38912'], outside: ['0', '-1'], message: 'The thinking_budget parameter must be a positive integer' },
  { name: 'thinking_budget', inside: [], outside: [...NOT_NUMBERS, '1.5', BIG], message: "'thinking_budget' must be Integer" },
  {
    name: 'logit_bias',
    inside: ['{}', '{"50256":-100}', '{"0":100,"151643":0.5}'],
    outside: ['[]', '"{}"', '{"a":1}', '{"-1":1}', '{"1.5":1}', '{"12345678":1}', '{"1":101}', '{"1":-100.5}', '{"1":"1"}', '{"1":null}', `{"1":${BIG}}`],
    message: "'logit_bias' must map token ids to numbers from -100 to 100"
  }
]

function sent (name: string, literal: string): JsonObject {
  return parseJson(`{"${name}":${literal}}`) as JsonObject
}

for (const { name, inside, outside, message } of ROWS) {
  t.test(`${name}: ${message}`, async (t) => {
    for (const literal of inside) t.doesNotThrow(() => checkParameters(sent(name, literal)), literal.slice(0, 60))
    for (const literal of outside) {
      t.same(shownRefusal(() => checkParameters(sent(name, literal))), { kind: 'invalid_request', param: name, message }, literal.slice(0, 60))
    }
  })
}

t.test('a parameter that is absent or null is in order, and an unknown one is nobody\'s business', async (t) => {
  t.doesNotThrow(() => checkParameters({}))
  const names = new Set([...ROWS.map(({ name }) => name), ...SHARED_PARAMETERS])
  for (const name of names) {
    t.doesNotThrow(() => checkParameters({ [name]: null }), name)
    t.doesNotThrow(() => checkParameters({ [name]: undefined }), name)
  }
  t.doesNotThrow(() => checkParameters({ brand_new: 'x', constructor: 1, toString: -1, max_tokens: -1 }))
})

t.test('a refusal names the parameter as its protocol does', async (t) => {
  t.equal(refusalOf(() => checkParameters({ seed: -1 }, 'parameters.')).param, 'parameters.seed')
  t.equal(refusalOf(() => booleanParameter({ stream: 1 }, 'stream', 'parameters.')).param, 'parameters.stream')
  t.equal(refusalOf(() => integerParameter({ max_tokens: 'x' }, 'max_tokens', 'parameters.')).param, 'parameters.max_tokens')
})

t.test('the parameters both protocols share are all checked', async (t) => {
  const checked = new Set(ROWS.map(({ name }) => name))
  for (const name of SHARED_PARAMETERS) t.ok(checked.has(name), name)
})

t.test('a boolean is true, false, or absent', async (t) => {
  t.equal(booleanParameter({ stream: true }, 'stream'), true)
  t.equal(booleanParameter({ stream: false }, 'stream'), false)
  t.equal(booleanParameter({ stream: null }, 'stream'), undefined)
  t.equal(booleanParameter({}, 'stream'), undefined)
  for (const value of [0, 1, '', 'true', [], {}]) {
    t.same(shownRefusal(() => booleanParameter({ stream: value }, 'stream')), { kind: 'invalid_request', param: 'stream', message: "'stream' must be Boolean" })
  }
})

t.test('a whole number is read in any notation, and one beyond every double is beyond every cap', async (t) => {
  const read = (literal: string): number | undefined => integerParameter(sent('max_tokens', literal), 'max_tokens')
  const values: [string, number | undefined][] = [['16', 16], ['16.0', 16], ['1e3', 1000], ['0', 0], ['-1', -1], ['null', undefined],
    ['9007199254740993', Infinity], ['-9007199254740993', -Infinity], ['1'.repeat(1_000), Infinity]]
  for (const [literal, value] of values) t.equal(read(literal), value, literal.slice(0, 40))
  t.equal(integerParameter({}, 'max_tokens'), undefined)
  for (const literal of ['1.5', '"16"', 'true', '[]', '{}', '1e400', '-1e400']) {
    t.same(shownRefusal(() => read(literal)), { kind: 'invalid_request', param: 'max_tokens', message: "'max_tokens' must be Integer" }, literal)
  }
})

t.test('what is said of thinking is read in either protocol\'s words', async (t) => {
  const cases = [
    [{}, 'unsaid', undefined],
    [{ enable_thinking: true }, 'on', undefined],
    [{ enable_thinking: false, thinking_budget: 5 }, 'off', 5],
    [{ thinking_budget: 5 }, 'on', 5],
    [{ reasoning_effort: 'none' }, 'off', undefined],
    [{ enable_thinking: true, reasoning_effort: 'none' }, 'on', undefined],
    [{ reasoning_effort: 'high' }, 'on', undefined],
    [{ enable_thinking: null, thinking_budget: null, reasoning_effort: null }, 'unsaid', undefined]
  ] as const
  for (const [parameters, asked, tokensMax] of cases) t.same(thinkingOf(parameters), { asked, tokensMax }, JSON.stringify(parameters))
})
