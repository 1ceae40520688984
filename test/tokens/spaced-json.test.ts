import fc from 'fast-check'
import t from 'tap'
import { spacedJson } from '../../src/tokens/spaced-json.ts'

t.test('a space follows each comma and colon, but none inside a string', async t => {
  t.equal(spacedJson({ a: [1, 'x,y:z', null], 'b"\\': { c: true } }), '{"a": [1, "x,y:z", null], "b\\"\\\\": {"c": true}}')
  t.equal(spacedJson({}), '{}')
  t.equal(spacedJson('杭州'), '"杭州"')
  t.equal(spacedJson(undefined), 'null')
})

t.test('the value stays the same', async () => {
  fc.assert(fc.property(fc.jsonValue(), value => JSON.stringify(JSON.parse(spacedJson(value))) === JSON.stringify(value)))
})
