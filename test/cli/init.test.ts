import t from 'tap'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configTemplate } from '../../src/config/template.ts'
import { run } from './process.ts'

t.test('what it writes is the owner\'s alone and passes the check', async (t) => {
  const folder = t.testdir({})
  t.match(await run(['init'], { folder }), { code: 0, stdout: /^\.\/dashgate\.yaml is written\./, stderr: '' })
  t.equal(readFileSync(join(folder, 'dashgate.yaml'), 'utf8'), configTemplate())
  t.equal(statSync(join(folder, 'dashgate.yaml')).mode & 0o777, 0o600)
  t.match(await run(['config', 'check'], { folder }), { code: 0, stdout: /^\.\/dashgate\.yaml is fine/ })
})

t.test('a file that is there is left alone unless --force is given', async (t) => {
  const folder = t.testdir({ 'mine.yaml': 'log_level: warn\n' })
  const path = join(folder, 'mine.yaml')
  chmodSync(path, 0o644)
  t.same(await run(['init', 'mine.yaml'], { folder }), { code: 1, stdout: '', stderr: 'error: mine.yaml is there already; --force writes over it.\n' })
  t.equal(readFileSync(path, 'utf8'), 'log_level: warn\n')
  const forced = await run(['init', 'mine.yaml', '--force', '--json'], { folder })
  t.same([forced.code, JSON.parse(forced.stdout)], [0, { file: 'mine.yaml' }])
  t.equal(readFileSync(path, 'utf8'), configTemplate())
  t.equal(statSync(path).mode & 0o777, 0o600, 'also where others could read the one before')
})

t.test('--print writes no file', async (t) => {
  const folder = t.testdir({})
  t.same(await run(['init', '--print'], { folder }), { code: 0, stdout: configTemplate(), stderr: '' })
  t.same(JSON.parse((await run(['init', '--print', '--json'], { folder })).stdout), { yaml: configTemplate() })
  t.throws(() => statSync(join(folder, 'dashgate.yaml')))
})

t.test('a place that cannot be written ends with 1', async (t) => {
  const folder = t.testdir({})
  writeFileSync(join(folder, 'file'), '')
  t.match(await run(['init', 'file/dashgate.yaml', '--json'], { folder }), { code: 1, stdout: /"error":"file\/dashgate\.yaml cannot be written: ENOTDIR/ })
})
