import t from 'tap'
import { join } from 'node:path'
import { mkdirSync, statSync } from 'node:fs'
import { fileSecret } from '../../../src/store/embedded/secrets.ts'
import { newDataFolder } from './data-folder.ts'

t.test('a secret is made once, kept, and readable by its owner alone', async (t) => {
  const folder = newDataFolder(t)
  mkdirSync(folder)
  t.equal(fileSecret(folder, 'secret', () => 'first'), 'first')
  t.equal(fileSecret(folder, 'secret', () => 'second'), 'first')
  t.equal(fileSecret(folder, 'other', () => 'third'), 'third')
  t.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
})

t.test('a folder that is not there is made, for its owner alone', async (t) => {
  const folder = newDataFolder(t)
  t.equal(fileSecret(folder, 'secret', () => 'x'), 'x')
  t.equal(statSync(folder).mode & 0o777, 0o700)
})
