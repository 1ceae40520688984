// Runs the test suites under tap, says each one as it ends, and names at the end what could not run here.
// `--fast` leaves out the clients in other languages; arguments that are no options are the files to run.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const FAILURE_CHARACTERS_MAX = 20_000

const isFast = process.argv.includes('--fast')
const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const folder = mkdtempSync(join(tmpdir(), 'dashgate-test-'))
const skippedFile = join(folder, 'skipped.txt')

bringRedis()
// Suites run side by side; two of them must not install the same client at once.
if (files.length === 0 && !isFast) spawnSync(process.execPath, [join('test', 'clients', 'prepare.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })
const exitCode = await run(files.length > 0 ? files : allSuites())
const skipped = existsSync(skippedFile) ? [...new Set(readFileSync(skippedFile, 'utf8').split('\n').filter(Boolean))] : []
rmSync(folder, { recursive: true, force: true })
if (isFast) skipped.push('the clients in other languages, left out by --fast')
for (const line of skipped) console.log(`not run: ${line}`)
if (skipped.length === 0 && files.length === 0) console.log('every suite ran')
const mayNotSkip = process.env.DASHGATE_SKIP_FORBIDDEN === '1' && skipped.length > 0
if (mayNotSkip) console.log('nothing may be left out here')
process.exitCode = exitCode !== 0 || !mayNotSkip ? exitCode : 1

/** The tests start a server of their own. Where there is none to start, the system's package manager has one, if it may be asked. */
function bringRedis () {
  const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  if (has('redis-server') || has('valkey-server') || process.getuid?.() !== 0 || !has('apt-get')) return
  console.error('installing redis-server …')
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update', '-qq'], options)
  spawnSync('apt-get', ['install', '-y', '-qq', 'redis-server'], options)
}

/** Ours, and none of those that the clients' packages bring along. */
function allSuites () {
  const suites = globSync('test/**/*.test.ts', { exclude: (path) => path.endsWith('node_modules') || path.endsWith('.venv') })
  return suites.filter((suite) => !isFast || !/clients-\w+\.test\.ts$/.test(suite)).sort()
}

/** @returns tap's exit code */
async function run (suites) {
  const tap = join('node_modules', 'tap', 'dist', 'esm', 'run.mjs')
  const child = spawn(process.execPath, [tap, '--disable-coverage', '--reporter=tap', '--jobs=2', '--timeout=600', ...suites], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DASHGATE_SKIPPED_FILE: skippedFile }
  })
  const ended = new Promise((resolve) => child.on('close', resolve))
  const totals = { passed: 0, failed: 0 }
  let suite = []
  let before = ''
  for await (const line of createInterface({ input: child.stdout })) {
    suite.push(line)
    const [, not, name] = /^(not )?ok \d+ - (test\/\S+)/.exec(line) ?? []
    if (/^ *(not )?ok \d/.test(line) && !closesSubtest(before)) totals[/^ *not/.test(line) ? 'failed' : 'passed']++
    if (name !== undefined) {
      console.log(not === undefined ? `ok ${name}` : `not ok ${name}\n${failures(suite)}`)
      suite = []
    }
    before = line.trim()
  }
  const code = await ended
  console.log(`tests: ${totals.passed} passed, ${totals.failed} failed`)
  return code ?? 1
}

/** tap ends every subtest with a line about the whole of it; only the leaves are assertions. */
function closesSubtest (before) {
  return before === '' || before.startsWith('# {') || before.startsWith('# time') || /^1\.\.\d+/.test(before)
}

function failures (lines) {
  return lines.filter((line) => !/^ *(ok \d|# Subtest)/.test(line)).join('\n').slice(-FAILURE_CHARACTERS_MAX)
}
