import t from 'tap'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { memberPath, readJsonBody } from '../../src/core/body.ts'
import { applyChanges } from '../../src/core/patch.ts'
import { bodyText, plain } from './json-text.ts'
import type { JsonBody } from '../../src/core/body.ts'

const RECORDED: ReadonlySet<string> = new Set(['parameters', 'input'])

function read (text: string | Buffer): JsonBody {
  return readJsonBody(Buffer.from(text), RECORDED)
}

interface Patch {
  set (path: string, json: string): void
  remove (path: string): void
}

function patched (text: string, change: (patch: Patch) => void): string {
  const changes = new Map<string, string | undefined>()
  change({ set: (path, json) => changes.set(path, json), remove: (path) => changes.set(path, undefined) })
  return applyChanges(read(text), changes).toString()
}

interface Change { readonly path: string, readonly json: string | undefined }

/** The last change of a path holds. */
function byPath (changes: readonly Change[]): Map<string, string | undefined> {
  return new Map(changes.map(({ path, json }) => [path, json]))
}

/** The same changes made to plain values. */
function changed (document: Record<string, unknown>, changes: readonly Change[]): Record<string, unknown> {
  const result = structuredClone(document)
  for (const [path, json] of byPath(changes)) {
    const dot = path.indexOf('.')
    const name = path.slice(0, Math.max(dot, 0))
    const key = path.slice(dot + 1)
    const inner = result[name]
    if (dot <= 0) change(result, key, json)
    else if (isPlainObject(inner)) change(inner, key, json)
    else if (json !== undefined) result[name] = { [key]: JSON.parse(json) }
  }
  return result
}

function change (object: Record<string, unknown>, key: string, json: string | undefined): void {
  if (json === undefined) delete object[key]
  else object[key] = JSON.parse(json)
}

function isPlainObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Some of the members a body has and some it has not, to set and to remove. */
function changesFor (document: Record<string, unknown>): fc.Arbitrary<Change[]> {
  const inner = [...RECORDED].flatMap((name) => {
    const value = document[name]
    const there = isPlainObject(value) ? Object.keys(value).map((key) => `${name}.${key}`) : []
    // Nothing is set in a parameter object that is a number or a list: such a body has been refused.
    return value === undefined || value === null || isPlainObject(value) ? [...there, `${name}.new`, `${name}.a.b`] : []
  })
  const paths = [...Object.keys(document).filter((key) => !RECORDED.has(key)).map(memberPath), 'new', 'newer', ...inner]
  const json = fc.constantFrom('1', '"x"', 'null', '{"deep":[1,2]}', '""', '[]')
  return fc.array(fc.record({ path: fc.constantFrom(...paths), json: fc.option(json, { nil: undefined, freq: 2 }) }), { maxLength: 6 })
}

const patchCase = bodyText.chain((body) => changesFor(body.value).map((changes) => ({ body, changes })))

t.test('a changed body says what the same changes make of the object', async (t) => {
  fc.assert(fc.property(patchCase, ({ body, changes }) => {
    const bytes = applyChanges(read(body.text), byPath(changes))
    return isDeepStrictEqual(plain(read(bytes).document), changed(body.value, changes))
  }), { numRuns: 1000 })
  t.pass('1,000 bodies')
})

t.test('members nobody named keep their bytes and their order', async (t) => {
  fc.assert(fc.property(patchCase, ({ body, changes }) => {
    const before = read(body.text)
    const after = read(applyChanges(before, byPath(changes)))
    const touched = new Set(changes.flatMap(({ path }) => [path, path.indexOf('.') > 0 ? path.slice(0, path.indexOf('.')) : path]))
    const kept = [...before.members.keys()].filter((path) => !touched.has(path))
    const bytesOf = (source: JsonBody, path: string): string => {
      const { keyStart, end } = source.members.get(path) ?? { keyStart: 0, end: 0 }
      return source.bytes.toString('utf8', keyStart, end)
    }
    return kept.every((path) => bytesOf(before, path) === bytesOf(after, path)) &&
      isDeepStrictEqual([...after.members.keys()].filter((path) => kept.includes(path)), kept)
  }), { numRuns: 1000 })
  t.pass('1,000 bodies')
})

t.test('without a change every byte stays, and removing what is not there changes nothing', async (t) => {
  fc.assert(fc.property(bodyText, ({ text }) => patched(text, () => {}) === text && patched(text, (patch) => {
    patch.remove('absent')
    patch.remove('absent.member')
  }) === text), { numRuns: 300 })
  t.pass('300 bodies')
})

t.test('without changes the bytes are the very same', async (t) => {
  const body = read('{"a":1}')
  t.equal(applyChanges(body, new Map()), body.bytes)
})

t.test('a value is replaced where it stands', async (t) => {
  t.equal(patched('{ "model" : "a" , "seed":18446744073709551615 }', (patch) => patch.set('model', '"b"')), '{ "model" : "b" , "seed":18446744073709551615 }')
  t.equal(patched('{"mod\\u0065l":"a"}', (patch) => patch.set('model', '"b"')), '{"mod\\u0065l":"b"}')
  t.equal(patched('{"a":{"x":[1]},"b":2}', (patch) => patch.set('a', '3')), '{"a":3,"b":2}')
  t.equal(patched('{"parameters":{"seed":1,"n":2}}', (patch) => patch.set('parameters.seed', '3')), '{"parameters":{"seed":3,"n":2}}')
})

t.test('a member is removed with one comma, wherever it stands', async (t) => {
  const remove = (text: string, ...paths: string[]): string => patched(text, (patch) => { for (const path of paths) patch.remove(path) })
  const three = '{"a":1,"b":2,"c":3}'
  t.equal(remove(three, 'a'), '{"b":2,"c":3}')
  t.equal(remove(three, 'b'), '{"a":1,"c":3}')
  t.equal(remove(three, 'c'), '{"a":1,"b":2}')
  t.equal(remove(three, 'b', 'c'), '{"a":1}')
  t.equal(remove(three, 'c', 'a'), '{"b":2}')
  t.equal(remove(three, 'a', 'b', 'c'), '{}')
  t.equal(remove('{ "a" : 1 }', 'a'), '{  }')
  t.equal(remove('{"a":1,"x.y":2}', 'a'), '{"x.y":2}')
  t.equal(remove('{"parameters":{"a":1,"b":2},"c":3}', 'parameters.b', 'parameters.a'), '{"parameters":{},"c":3}')
})

t.test('a member is added in front, also where all others go', async (t) => {
  t.equal(patched('{}', (patch) => patch.set('a', '1')), '{"a":1}')
  t.equal(patched(' {"b":2}', (patch) => patch.set('a', '1')), ' {"a":1,"b":2}')
  t.equal(patched('{"b":2}', (patch) => { patch.set('a', '1'); patch.set('c', '3'); patch.remove('b') }), '{"a":1,"c":3}')
  t.equal(patched('{"max_tokens":5}', (patch) => { patch.remove('max_tokens'); patch.set('max_completion_tokens', '5') }), '{"max_completion_tokens":5}')
})

t.test('a member is set inside an object that is absent, null or empty', async (t) => {
  const set = (text: string): string => patched(text, (patch) => { patch.set('parameters.n', '1'); patch.set('parameters.seed', '2') })
  t.equal(set('{}'), '{"parameters":{"n":1,"seed":2}}')
  t.equal(set('{"model":"m"}'), '{"parameters":{"n":1,"seed":2},"model":"m"}')
  t.equal(set('{"parameters":null,"model":"m"}'), '{"parameters":{"n":1,"seed":2},"model":"m"}')
  t.equal(set('{"parameters":{ }}'), '{"parameters":{"n":1,"seed":2 }}')
  t.equal(set('{"parameters":{"seed":1}}'), '{"parameters":{"n":1,"seed":2}}')
})

t.test('a whole object set or removed comes before changes within it', async (t) => {
  t.equal(patched('{"parameters":{"n":1}}', (patch) => { patch.set('parameters.n', '2'); patch.set('parameters', '{"x":1}') }), '{"parameters":{"x":1}}')
  t.equal(patched('{"parameters":{"n":1},"a":1}', (patch) => { patch.remove('parameters'); patch.remove('parameters.n') }), '{"a":1}')
  t.equal(patched('{"parameters":{"n":1}}', (patch) => { patch.remove('parameters'); patch.set('parameters.seed', '2') }), '{"parameters":{"seed":2}}')
})

t.test('a cap set in an object never lands in a key that only looks like its path', async (t) => {
  t.equal(patched('{"parameters.max_tokens":9,"parameters":{}}', (patch) => patch.set('parameters.max_tokens', '5')),
    '{"parameters.max_tokens":9,"parameters":{"max_tokens":5}}')
  t.equal(patched('{"a.b":1}', (patch) => patch.set(memberPath('a.b'), '2')), '{"a.b":2}')
  t.equal(patched('{}', (patch) => patch.set(memberPath('a.b'), '2')), '{"a.b":2}')
  t.equal(patched('{"parameters.n":1,"parameters":{"n":2,"a.n":3}}', (patch) => patch.set('parameters.a.n', '4')),
    '{"parameters.n":1,"parameters":{"n":2,"a.n":4}}')
})
