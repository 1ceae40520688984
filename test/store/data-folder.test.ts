import t from 'tap'
import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDataFolder } from '../../src/store/data-folder.ts'

const MODULE = new URL('../../src/store/data-folder.ts', import.meta.url).href
const TIMEOUT_MS = 60_000

t.test('the folder is for its owner alone', async (t) => {
  const folder = join(t.testdir(), 'deep', 'data')
  makeDataFolder(folder)
  makeDataFolder(folder)
  t.equal(statSync(folder).mode & 0o777, 0o700)
})

t.test('where the working directory has been removed, it comes to an end', async (t) => {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'dashgate-gone-')))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  const script = `
    import { mkdirSync, rmdirSync } from 'node:fs'
    import { makeDataFolder } from ${JSON.stringify(MODULE)}
    mkdirSync('gone'); process.chdir('gone'); rmdirSync(${JSON.stringify(join(parent, 'gone'))})
    try { makeDataFolder('./data') } catch (cause) { console.log(cause.code) }`
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: parent, timeout: TIMEOUT_MS })
  t.equal(signal, null)
  t.equal(stdout.toString(), 'ENOENT\n')
})
