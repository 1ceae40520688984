import t from 'tap'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import {
  arrayAt, decodeUtf8, isObject, isRawNumber, numberAt, objectAt, parseJson, parseJsonObject, stringAt, withoutKeys
} from '../../src/core/json.ts'
import { bodyText, jsonText, plain } from './json-text.ts'
import { refusalOf } from '../support/refusal.ts'

t.test('a number no double can hold is written as it was read', async (t) => {
  const literals = ['9007199254740993', '-9007199254740993', '18446744073709551615', '123456789012345678901234567890', '1e400', '-1E+400', '1e999999',
    '9007199254740993.0', '9007199254740993e0', '900719925474099.3e1', '90071992547409.93E+2', '0.9007199254740993e16', '1'.repeat(5_000)]
  for (const literal of literals) {
    const value = parseJson(literal)
    t.ok(isRawNumber(value), literal.slice(0, 40))
    t.equal(JSON.stringify(value), literal)
    t.equal(JSON.stringify(parseJson(`{"a":[${literal}],"b":"x"}`)), `{"a":[${literal}],"b":"x"}`)
  }
})

t.test('a number a double can hold is that double, also beside one that is none', async (t) => {
  const literals = ['0', '-1', '1', '666', '9007199254740991', '-9007199254740991', '1.5', '0.7', '0.30000000000000004', '1e3', '1E-7', '123456789012345', '1e15', '1e19', '1000.0']
  for (const literal of literals) {
    t.equal(parseJson(literal), Number(literal))
    t.same(parseJson(`[${literal},18446744073709551615]`), [Number(literal), parseJson('18446744073709551615')])
  }
})

t.test('every whole number keeps its value, whatever its size', async (t) => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (value) => {
    const parsed = parseJson(String(value))
    return BigInt(JSON.stringify(parsed)) === value && isRawNumber(parsed) === (value > 2n ** 53n - 1n || value < 1n - 2n ** 53n)
  }), { numRuns: 2000, examples: [[2n ** 53n - 1n], [2n ** 53n], [2n ** 63n], [2n ** 64n]] })
  t.pass('2,000 numbers')
})

t.test('but for exact numbers a text is what JSON.parse makes of it', async (t) => {
  fc.assert(fc.property(jsonText, ({ text, value }) => isDeepStrictEqual(plain(parseJson(text)), value)), { numRuns: 2000 })
  fc.assert(fc.property(jsonText, ({ text }) => {
    const again = JSON.stringify(parseJson(text))
    return JSON.stringify(parseJson(again)) === again
  }), { numRuns: 1000 })
  t.pass('3,000 texts')
})

t.test('digits in a string are no number', async (t) => {
  t.same(parseJson('{"id":"12345678901234567890"}'), { id: '12345678901234567890' })
  t.same(parseJson('"1e400"'), '1e400')
})

t.test('broken text is a SyntaxError', async (t) => {
  for (const text of ['', '{', '01', '1e', '[1234567890123456789,]', '9007199254740993x', '+1', '.5', 'NaN']) t.throws(() => parseJson(text), { name: 'SyntaxError' }, text)
})

t.test('an upstream\'s bytes are an object or nothing', async (t) => {
  t.same(parseJsonObject('{"a":1}'), { a: 1 })
  t.same(parseJsonObject(Buffer.from('{"模型":"通义"}')), { 模型: '通义' })
  for (const text of ['', 'null', '[]', '"{}"', '1', '18446744073709551615', '{"a":', '<html>', '[DONE]']) t.equal(parseJsonObject(text), undefined, text)
  const deep = `{"n":18446744073709551615,"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`
  t.equal(parseJsonObject(deep), undefined, 'nested too deep to be walked')
  fc.assert(fc.property(bodyText, fc.nat(), ({ text }, cut) => {
    const whole = text.trim()
    const piece = whole.slice(0, cut % whole.length)
    return parseJsonObject(piece) === undefined
  }), { numRuns: 500 })
})

t.test('objects are told from everything else', async (t) => {
  for (const value of [{}, { rawJSON: '1' }, Object.create(null)]) t.ok(isObject(value))
  for (const value of [null, undefined, [], 1, '', true, parseJson('18446744073709551615')]) t.notOk(isObject(value))
  t.notOk(isRawNumber({ rawJSON: '1' }), 'what a client writes cannot pass for an exact number')
})

t.test('a member is read only where it has the type asked for', async (t) => {
  const object = { object: { a: 1 }, array: [1], string: '', number: 0, null: null, big: parseJson('18446744073709551615') }
  const readers = { object: objectAt, array: arrayAt, string: stringAt, number: numberAt }
  for (const [type, read] of Object.entries(readers)) {
    for (const [key, value] of Object.entries(object)) t.same(read(object, key), key === type ? value : undefined, `${key} as ${type}`)
    t.equal(read(object, 'absent'), undefined)
    t.equal(read(undefined, type), undefined)
  }
})

t.test('only UTF-8 is decoded, and nothing of it is lost', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => decodeUtf8(Buffer.from(text)) === text))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 8 }), (array) => {
    const bytes = Buffer.from(array)
    const isWhole = Buffer.from(bytes.toString('utf8')).equals(bytes)
    return isWhole ? decodeUtf8(bytes) === bytes.toString('utf8') : refusalOf(() => decodeUtf8(bytes)).kind === 'invalid_request'
  }), { numRuns: 2000, examples: [[Uint8Array.of(0xff)], [Uint8Array.of(0xc0, 0x80)], [Uint8Array.of(0xed, 0xa0, 0x80)]] })
  t.pass('2,000 byte strings')
})

t.test('a copy leaves out the keys named and the ones that are undefined', async (t) => {
  const object = { a: 1, b: undefined, c: null, d: [0] }
  t.strictSame(withoutKeys(object, new Set(['a', 'x'])), { c: null, d: [0] })
  t.strictSame(object, { a: 1, b: undefined, c: null, d: [0] })
})
