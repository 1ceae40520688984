import t from 'tap'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { isUtf8 } from 'node:buffer'
import { memberPath, readJsonBody } from '../../src/core/body.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { bodyText, plain } from './json-text.ts'
import { refusalOf } from '../support/refusal.ts'
import type { JsonBody } from '../../src/core/body.ts'

const RECORDED: ReadonlySet<string> = new Set(['parameters', 'input'])

function read (body: string | Buffer): JsonBody {
  return readJsonBody(Buffer.from(body), RECORDED)
}

/** What `JSON.parse` says of bytes that are UTF-8; undefined where they are no JSON object. */
function parsed (bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

/** What a piece of a body says, read as a body of its own. */
function meaning (text: string): unknown {
  return plain(read(`{"value":${text}}`).document['value'])
}

/** The members that must be recorded, by path. */
function recordedValues (document: Record<string, unknown>): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const [key, value] of Object.entries(document)) {
    values.set(memberPath(key), value)
    if (!RECORDED.has(key) || typeof value !== 'object' || value === null || Array.isArray(value)) continue
    for (const [name, member] of Object.entries(value)) values.set(`${key}.${name}`, member)
  }
  return values
}

t.test('a document is read as it was meant, and each recorded span is its member', async (t) => {
  fc.assert(fc.property(bodyText, ({ text, value }) => {
    const bytes = Buffer.from(text)
    const { document, members } = read(bytes)
    const wanted = recordedValues(value)
    return isDeepStrictEqual(plain(document), value) && isDeepStrictEqual(new Set(members.keys()), new Set(wanted.keys())) &&
      [...members].every(([path, { keyStart, start, end }]) => {
        const key: unknown = JSON.parse(bytes.toString('utf8', keyStart, start).trimEnd().replace(/:$/, ''))
        return isDeepStrictEqual(meaning(bytes.toString('utf8', start, end)), wanted.get(path)) &&
          (path === memberPath(String(key)) || [...RECORDED].some((parent) => path === `${parent}.${String(key)}`))
      })
  }), { numRuns: 2000 })
  t.pass('2,000 documents')
})

t.test('broken bytes are refused as invalid_request and by nothing else', async (t) => {
  const whole = fc.oneof(bodyText.map(({ text }) => Buffer.from(text)), fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    fc.array(fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ', '"a"', '"parameters"', '\\ud800', 'null'), { maxLength: 24 })
      .map((pieces) => Buffer.from(pieces.join(''))))
  const changes = fc.array(fc.record({ at: fc.nat(), byte: fc.constantFrom(0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x30, 0xff, 0x00) }), { maxLength: 3 })
  fc.assert(fc.property(whole, changes, fc.option(fc.nat()), (valid, mutations, cut) => {
    const mutated = Buffer.from(valid)
    for (const { at, byte } of mutations) if (mutated.length > 0) mutated[at % mutated.length] = byte
    const bytes = mutated.subarray(0, cut === null ? mutated.length : cut % (mutated.length + 1))
    const expected = parsed(bytes)
    try {
      const { document } = read(bytes)
      // With a backslash in a key JSON.parse itself may be wrong.
      return expected !== undefined && (bytes.includes('\\') || isDeepStrictEqual(plain(document), expected))
    } catch (caught) {
      // JSON.parse allows duplicates, prototype keys and half pairs, which are refused here.
      return caught instanceof GatewayError && caught.kind === 'invalid_request' && caught.status === 400 &&
        (expected === undefined || /same key twice|half a surrogate|object prototype/.test(caught.message))
    }
  }), { numRuns: 5000 })
  t.pass('5,000 bodies')
})

t.test('a body that is not a JSON object is refused', async (t) => {
  const refusals: [string, RegExp][] = [
    ['', /empty/], [' ', /not valid JSON/], ['null', /must be a JSON object/], ['[]', /must be a JSON object/], ['[{"model":"m"}]', /must be a JSON object/],
    ['"{}"', /must be a JSON object/], ['1', /must be a JSON object/], ['18446744073709551615', /must be a JSON object/], ['true', /must be a JSON object/],
    ['{', /not valid JSON/], ['{"a":1', /not valid JSON/], ['{"a":1}}', /not valid JSON/], ['{"a":1}{"b":2}', /not valid JSON/], ['{"a":1,}', /not valid JSON/],
    ['{"a"}', /not valid JSON/], ['{a:1}', /not valid JSON/], ["{'a':1}", /not valid JSON/], ['{"a":01}', /not valid JSON/], ['{"a":NaN}', /not valid JSON/],
    ['{"a":"\n"}', /not valid JSON/], ['{"a":"\\x41"}', /not valid JSON/], ['{"a":1}//', /not valid JSON/], ['\ufeff{"a":1}', /not valid JSON/],
    ['{"a":"b', /not valid JSON/], ['{"a":"\\', /not valid JSON/], ['{\u0001"a":1}', /not valid JSON/], ['}'.repeat(9), /not valid JSON/]
  ]
  for (const [body, message] of refusals) t.match(refusalOf(() => read(body)), { kind: 'invalid_request', status: 400, message }, body)
})

t.test('duplicates are refused where the gateway reads, also when a key is escaped', async (t) => {
  const twice = [
    '{"model":"a","model":"b"}', '{"model":"a","mod\\u0065l":"b"}', '{"mod\\u0065l":"a","x":{},"model":"b"}', '{"模":1,"\\u6a21":1}',
    '{"parameters":{"seed":1,"seed":2}}', '{"parameters":{"seed":1,"s\\u0065ed":2}}', '{"parameters":{},"parameters":{}}', '{"":1,"":2}',
    '{"a.b":1,"a.b":2}', '{"input":{"messages":[],"messages":[]}}', '{"p\\u0061rameters":{"seed":1,"seed":2}}'
  ]
  for (const body of twice) t.match(refusalOf(() => read(body)), { kind: 'invalid_request', message: /same key twice/ }, body)
  t.equal(refusalOf(() => read('{"parameters":{"seed":1,"seed":2}}')).param, 'parameters.seed')
  t.equal(refusalOf(() => read(`{"${'k'.repeat(5_000)}":1,"${'k'.repeat(5_000)}":2}`)).param?.length, 64)
  const elsewhere = ['{"other":{"a":1,"a":2}}', '{"parameters":{"deep":{"a":1,"a":2}}}', '{"parameters":[{"a":1,"a":2}]}', '{"a":1,"A":1}', '{"a":[{"b":1},{"b":1}]}']
  for (const body of elsewhere) t.same(read(body).document, JSON.parse(body), body)
})

t.test('a key that only looks like a path is not a member of the object it names', async (t) => {
  const body = '{"parameters.seed":1,"parameters":{"seed":2,"a.b":3},".x":4}'
  const { members } = read(body)
  t.same([...members.keys()], ['.parameters.seed', 'parameters.seed', 'parameters.a.b', 'parameters', '..x'])
  t.equal(members.get('parameters.seed')?.start, body.indexOf('2,'))
})

t.test('sixty-four levels are read and sixty-five are refused', async (t) => {
  for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
    const nested = (levels: number): string => `{"a":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`
    t.same(read(nested(64)).document, JSON.parse(nested(64)))
    t.match(refusalOf(() => read(nested(65))), { kind: 'invalid_request', message: /deeper than 64 levels/ })
  }
  t.match(refusalOf(() => read(`{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)), { message: /deeper than 64/ })
  t.match(refusalOf(() => read(`{"a":${'[1e400,'.repeat(400_000)}`)), { message: /deeper than 64/ })
  const siblings = `{"a":[${Array(1_000).fill('[[]]').join(',')}]}`
  t.equal((read(siblings).document['a'] as unknown[]).length, 1_000, 'siblings are no depth')
})

t.test('keys that reach an object\'s prototype are refused wherever they stand', async (t) => {
  const hostile = [
    '{"__proto__":{}}', '{"__proto__":1}', '{"\\u005f_proto__":{}}', '{"a":{"b":[{"__proto__":{"x":1}}]}}', '{"a":[{"__pr\\u006fto__":null}]}',
    '{"constructor":{"prototype":{}}}', '{"constructor":{"a":1,"prototype":{}}}', '{"a":[{"c\\u006fnstructor":{"pr\\u006ftotype":1}}]}'
  ]
  for (const body of hostile) t.match(refusalOf(() => read(body)), { kind: 'invalid_request', message: /names an object prototype/ }, body)
  const harmless = ['{"constructor":1}', '{"prototype":1}', '{"constructor":{"a":{"prototype":1}}}', '{"a":"__proto__"}', '{"constructor":"x","a":{"prototype":1}}',
    '{"constructor":[{"prototype":1}]}', '{"__proto":1,"_proto__":2}']
  for (const body of harmless) t.same(read(body).document, JSON.parse(body), body)
})

t.test('half a surrogate pair is refused in keys and in values, and a whole one is read', async (t) => {
  const half = ['{"a":"\\ud83d"}', '{"a":"\\uDE00"}', '{"a":"\\ude00\\ud83d"}', '{"\\ud83d":1}', '{"a":[{"\\uD800x":1}]}', '{"a":["\\ud83d\\u0041"]}',
    '{"a":"\\\\\\ud83d"}', '{"a":"\\ud83d\\\\ude00"}']
  for (const body of half) t.match(refusalOf(() => read(body)), { kind: 'invalid_request', message: /half a surrogate pair/ }, body)
  const whole = ['{"a":"\\ud83d\\ude00"}', '{"\\uD83D\\uDE00":1}', '{"a":"😀"}', '{"a":"\\\\ud83d"}', '{"a":"\\\\\\\\ud83d"}', '{"a":"\\ud7ff\\ue000"}']
  for (const body of whole) t.same(read(body).document, JSON.parse(body), body)
})

t.test('bytes that are not UTF-8 are refused rather than replaced', async (t) => {
  const wrong = {
    'no such byte': [0xff],
    overlong: [0xc0, 0xaf],
    'overlong NUL': [0xe0, 0x80, 0x80],
    surrogate: [0xed, 0xa0, 0x80],
    'above U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'cut short': [0xe4, 0xbd],
    'lone continuation': [0x80]
  }
  for (const [name, bytes] of Object.entries(wrong)) {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
    t.match(refusalOf(() => read(body)), { kind: 'invalid_request', message: /not valid UTF-8/ }, name)
  }
  t.match(refusalOf(() => read(Buffer.from('{"a":1}', 'utf16le'))), { kind: 'invalid_request' })
})

t.test('a thousand members are recorded and one more is refused', async (t) => {
  const members = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":${index}`).join(',')
  t.equal(read(`{${members(1_000)}}`).members.size, 1_000)
  t.match(refusalOf(() => read(`{${members(1_001)}}`)), { kind: 'invalid_request', message: /more than 1000 keys/ })
  t.match(refusalOf(() => read(`{"parameters":{${members(1_000)}}}`)), { message: /more than 1000 keys/ }, 'both levels count')
  t.equal(read(`{"other":{${members(5_000)}}}`).members.size, 1, 'what is not recorded is not counted')
})

t.test('an escaped key is read right after a key that JSON.parse takes it for', async (t) => {
  for (let time = 0; time < 3; time++) read('{"m":1,"\\\\u006":2}')
  t.same(read('{"m":1,"\\u006dodel":"x"}').document, { m: 1, model: 'x' })
  for (let time = 0; time < 3; time++) read('{"m":{"n":1,"\\\\u":2}}')
  t.same(read('{"m":{"n":1,"\\u4f60\\u597d":2}}').document, { m: { n: 1, 你好: 2 } })
})

t.test('many backslashes and many strings take no more than one pass', async (t) => {
  const slashes = '\\\\'.repeat(500_000)
  t.equal((read(`{"a":"${slashes}"}`).document['a'] as string).length, 500_000)
  t.match(refusalOf(() => read(`{"a":"${slashes}\\"}`)), { kind: 'invalid_request' })
  t.equal((read(`{"a":[${'"\\"",'.repeat(90_000)}1]}`).document['a'] as unknown[]).length, 90_001)
})

t.test('a body of more values than a conversation has is refused before it is parsed', async (t) => {
  t.equal((read(`{"a":[${'1,'.repeat(99_999)}1]}`).document['a'] as unknown[]).length, 100_000)
  t.match(refusalOf(() => read(`{"a":[${'1,'.repeat(100_001)}1]}`)), { kind: 'invalid_request' })
})

t.test('numbers a double cannot hold keep their digits', async (t) => {
  const text = '{"seed":18446744073709551615,"parameters":{"seed":9007199254740993},"x":1e400}'
  t.equal(JSON.stringify(read(text).document), text)
})
