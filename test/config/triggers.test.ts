import { EventEmitter, once } from 'node:events'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { watchFile, watchSignal } from '../../src/config/triggers.ts'

t.test('SIGHUP triggers until it is stopped', async (t) => {
  const process = new EventEmitter() as unknown as NodeJS.Process
  let count = 0
  const stop = watchSignal(process, 'SIGHUP')(() => { count++ })
  process.emit('SIGHUP', 'SIGHUP')
  t.equal(count, 1)
  stop()
  process.emit('SIGHUP', 'SIGHUP')
  t.equal(count, 1)
})

t.test('a file triggers when it is written, and when another is put in its place', async (t) => {
  const folder = t.testdir({ 'dashgate.yaml': 'a: 1' })
  const path = join(folder, 'dashgate.yaml')
  const changes = new EventEmitter()
  const stop = watchFile(path, (error) => { throw error })(() => { changes.emit('change') })
  t.teardown(stop)
  const written = once(changes, 'change')
  writeFileSync(path, 'a: 2')
  await written
  const replaced = once(changes, 'change')
  writeFileSync(join(folder, 'new'), 'a: 3')
  renameSync(join(folder, 'new'), path)
  await replaced
  t.pass('both were noticed')
})

t.test('Kubernetes swapping the folder behind the file triggers', async (t) => {
  const folder = t.testdir({})
  const changes = new EventEmitter()
  const stop = watchFile(join(folder, 'dashgate.yaml'), (error) => { throw error })(() => { changes.emit('change') })
  t.teardown(stop)
  const swapped = once(changes, 'change')
  mkdirSync(join(folder, '..data'))
  await swapped
  t.pass('it was noticed')
})

t.test('a folder that is not there is reported and stops nothing', async (t) => {
  const failures: unknown[] = []
  const stop = watchFile('/no/such/folder/dashgate.yaml', (error) => failures.push(error))(() => {})
  t.match(failures, [{ code: 'ENOENT' }])
  stop()
})
