import fc from 'fast-check'
import { isRawNumber } from '../../src/core/json.ts'

/** JSON as somebody else may write it: any white space, any character as itself or escaped, numbers in every notation. */
export interface Written<T = unknown> { readonly text: string, readonly value: T }

const space = fc.array(fc.constantFrom(' ', '\t', '\n', '\r'), { maxLength: 2 }).map((pieces) => pieces.join(''))

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '/': '\\/', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t'
}

/** A literal of `value`, in which `choices` say by turns how a character is written. */
function literalOf (value: string, choices: readonly number[]): string {
  const written = [...value].map((character, place) => {
    const choice = choices[place % choices.length]
    if (choice === 1) return inHexadecimal(character)
    if (choice === 2) return inHexadecimal(character).toUpperCase().replaceAll('U', 'u')
    const short = SHORT_ESCAPES[character]
    if (short !== undefined && (character !== '/' || choice === 3)) return short
    return character < ' ' ? inHexadecimal(character) : character
  })
  return `"${written.join('')}"`
}

function inHexadecimal (character: string): string {
  return character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
}

const choices = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 5 })
const characters = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('', '模型', 'a"b', '\\', '\\u', '😀', 'a.b', 'x'.repeat(70), '{"a":[', '\u0000', '\\"')
)

function written (value: fc.Arbitrary<string>): fc.Arbitrary<Written<string>> {
  return fc.tuple(value, choices).map(([text, picked]) => ({ text: literalOf(text, picked), value: text }))
}

const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('-0', '0.0', '1E5', '1e-7', '1.50', '18446744073709551615', '9007199254740993', '1e400', '-1e999', '1e0000')
).map((text) => ({ text, value: Number(text) }))

const constant = fc.constantFrom(null, true, false).map((value) => ({ text: String(value), value }))

/** Keys with a backslash are left out: they set off the fault of `JSON.parse` that a test of its own is about. */
const anyKey = characters.filter((key) => key !== '__proto__' && key !== 'prototype' && !key.includes('\\'))

/** An object with keys of `names`; `member` gives the value of each. */
function object (names: fc.Arbitrary<string>, member: (name: string) => fc.Arbitrary<Written>): fc.Arbitrary<Written<Record<string, unknown>>> {
  return fc.uniqueArray(written(names), { selector: ({ value }) => value, maxLength: 6 })
    .chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(space, fc.constant(key), space, member(key.value), space))))
    .map((members) => ({
      text: `{${members.map(([before, key, between, value, after]) => `${before}${key.text}${between}:${value.text}${after}`).join(',')}}`,
      value: Object.fromEntries(members.map(([, key, , value]) => [key.value, value.value]))
    }))
}

function array (entry: fc.Arbitrary<Written>): fc.Arbitrary<Written> {
  return fc.tuple(fc.array(entry, { maxLength: 4 }), space).map(([entries, gap]) => ({
    text: `[${gap}${entries.map(({ text }) => text).join(`${gap},`)}${gap}]`,
    value: entries.map(({ value }) => value)
  }))
}

/** Any JSON value. */
export const jsonText: fc.Arbitrary<Written> = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.oneof(constant, number, written(characters)), array(tie('value')), object(anyKey, () => tie('value')))
})).value

const parameters = fc.oneof(
  { weight: 4, arbitrary: object(fc.oneof(anyKey, fc.constantFrom('seed', 'a.b')), () => jsonText) },
  { weight: 1, arbitrary: jsonText }
)

/** A request body, in which `parameters` and `input` are objects as often as not. */
export const bodyText: fc.Arbitrary<Written<Record<string, unknown>>> = fc.tuple(space, object(
  fc.oneof(anyKey, fc.constantFrom('model', 'parameters', 'input', 'parameters.seed', '.a', 'constructor')),
  (name) => name === 'parameters' || name === 'input' ? parameters : jsonText
), space).map(([before, { text, value }, after]) => ({ text: before + text + after, value }))

/** The value with every exact number as the double nearest to it. */
export function plain (value: unknown): unknown {
  if (isRawNumber(value)) return Number(value.rawJSON)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
}
