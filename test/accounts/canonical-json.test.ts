import t from 'tap'
import fc from 'fast-check'
import { canonicalJson } from '../../src/accounts/canonical-json.ts'

t.test('the text is JSON of the same value', async (t) => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    return JSON.stringify(JSON.parse(canonicalJson(value))) === JSON.stringify(JSON.parse(canonicalJson(JSON.parse(JSON.stringify(value)))))
  }), { numRuns: 500 })
  t.same(JSON.parse(canonicalJson({ b: [1, { d: null, c: 'é\n' }], a: true })), { a: true, b: [1, { c: 'é\n', d: null }] })
})

t.test('neither the order of members matters, nor whether one that is undefined is there', async (t) => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
    const backwards = Object.fromEntries(Object.entries(members).reverse())
    return canonicalJson(members) === canonicalJson(backwards)
  }), { numRuns: 500 })
  t.equal(canonicalJson({ b: 1, a: undefined, c: { e: 1, d: 2 } }), '{"b":1,"c":{"d":2,"e":1}}')
})

t.test('different values have different texts', async (t) => {
  const values = [null, 0, '', '0', 'null', false, [], {}, [null], [[]], { a: null }, { a: 1, b: 2 }, { a: '1', b: 2 }, [1, 2], ['1,2'], JSON.parse('{"__proto__":1}')]
  t.equal(new Set(values.map(canonicalJson)).size, values.length)
})
