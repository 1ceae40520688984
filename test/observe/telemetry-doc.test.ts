import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withTables } from '../../scripts/telemetry-doc.ts'

t.test('docs/telemetry.md has the names there are; if not: node scripts/telemetry-doc.ts', async (t) => {
  const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'telemetry.md'), 'utf8')
  t.equal(withTables(document), document)
})
