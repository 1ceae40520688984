import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { csvLine } from '../../src/metering/csv.ts'
import { parseCsv } from '../support/csv.ts'
import type { CsvCell } from '../../src/metering/csv.ts'

t.test('numbers and plain texts stand as they are, and what is not there is empty', async (t) => {
  t.equal(csvLine(['a', 1, true, null, '', '搜索', 'two words']), 'a,1,true,,,搜索,two words\r\n')
})

t.test('separators, quotes and line ends are quoted', async (t) => {
  t.equal(csvLine(['a,b', 'say "hi"', 'two\nlines', 'a\r\nb']), '"a,b","say ""hi""","two\nlines","a\r\nb"\r\n')
})

t.test('no cell is a formula', async (t) => {
  t.equal(csvLine(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '=HYPERLINK("http://x","y")', 'a=b', -1]),
    '\'=1+1,\'+1,\'-1,\'@SUM(A1),\'\tx,"\'=HYPERLINK(""http://x"",""y"")",a=b,-1\r\n')
})

t.test('law: whatever is written is read again by a parser that knows nothing of it', async (t) => {
  const cell: fc.Arbitrary<CsvCell> = fc.oneof(fc.string({ unit: fc.constantFrom(...'a,"\r\n\t =+-@\'搜') }), fc.nat(), fc.boolean(), fc.constant(null))
  const textOf = (value: CsvCell): string => value === null ? '' : `${typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? '\'' : ''}${value}`
  fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 5 }), (lines) => {
    assert.deepEqual(parseCsv(lines.map(csvLine).join('')), lines.map((cells) => cells.map(textOf)))
  }), { numRuns: 500 })
  t.pass()
})
