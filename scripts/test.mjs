// Runs the test suites under tap and says at the end, in plain words, what ran and what could not run here.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FAST = process.argv.includes('--fast')
const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const folder = mkdtempSync(join(tmpdir(), 'dashgate-test-'))
const skippedFile = join(folder, 'skipped.txt')

const tap = join('node_modules', 'tap', 'dist', 'esm', 'run.mjs')
const suites = files.length > 0 ? files : ['test/**/*.test.ts', ...(FAST ? ['!test/system/clients-*.test.ts'] : [])]
const { status, stdout } = spawnSync(process.execPath, [tap, '--disable-coverage', '--reporter=tap', '--jobs=2', '--timeout=600', ...suites], {
  stdio: ['ignore', 'pipe', 'inherit'],
  encoding: 'utf8',
  maxBuffer: 1 << 30,
  env: { ...process.env, DASHGATE_SKIPPED_FILE: skippedFile }
})
report(stdout)

const skipped = existsSync(skippedFile) ? [...new Set(readFileSync(skippedFile, 'utf8').trim().split('\n'))].filter(Boolean) : []
rmSync(folder, { recursive: true, force: true })
if (FAST) skipped.push('clients: the SDKs of other languages (left out by --fast)')
for (const line of skipped) console.log(`not run: ${line}`)
if (skipped.length === 0) console.log('every suite ran')
if (process.env.DASHGATE_SKIP_FORBIDDEN === '1' && skipped.length > 0) {
  console.log('nothing may be skipped here')
  process.exitCode = 1
} else {
  process.exitCode = status ?? 1
}

/** One line for each suite, every failure in full, and the totals of single assertions. */
function report (output) {
  const lines = output.split('\n')
  let passed = 0
  let failed = 0
  for (const [index, line] of lines.entries()) {
    if (/^ *ok \d+/.test(line) && !isParent(lines, index)) passed++
    if (/^ *not ok \d+/.test(line) && !isParent(lines, index)) failed++
    if (/^(not )?ok \d+ - test\//.test(line)) console.log(line.replace(/ # time.*| \{$/, ''))
  }
  if (failed > 0) console.log(output.split('\n').filter((line) => !/^ *ok /.test(line)).join('\n').slice(-60_000))
  console.log(`tests: ${passed} passed, ${failed} failed`)
}

/** tap closes every subtest with a line of its own; only its leaves are assertions. */
function isParent (lines, index) {
  const before = lines[index - 1]?.trim() ?? ''
  return before.startsWith('# {') || before.startsWith('# time') || /^1\.\.\d+/.test(before)
}
