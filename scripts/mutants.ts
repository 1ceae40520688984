// Plants bugs in copies of the limit stores, one at a time, and expects the laws in test/laws/limits to find each of them. One
// that lives on, or whose place is no longer there, fails. The same seed gives the same calls: see DASHGATE_SEED.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { EMBEDDED_MUTANTS } from '../test/laws/limits/mutants/embedded.ts'
import { REDIS_MUTANTS } from '../test/laws/limits/mutants/redis.ts'
import { reasonToSkipRedis } from '../test/support/redis.ts'
import type { Mutant } from '../test/laws/limits/mutants/mutant.ts'

const ROOT = join(import.meta.dirname, '..')
/** What the laws need of the project. */
const COPIED = ['package.json', 'src', 'test/laws/limits', 'test/support']
const LAWS = 'test/laws/limits/long.ts'
const PARALLEL = 2
const OPERATIONS_MAX = 20_000
const TIME_MS_MAX = 60_000
const SAID_CHARACTERS_MAX = 160
const SEED = process.env['DASHGATE_SEED'] ?? '20261125'

type StoreName = 'embedded' | 'Redis'
interface Trial { readonly store: StoreName, readonly mutant: Mutant | undefined }
interface Outcome { readonly trial: Trial, readonly isGood: boolean, readonly said: string, readonly durationMs: number }

const skipReason = await reasonToSkipRedis()
if (skipReason !== false) console.log(`not run: ${skipReason}`)
const begunMs = performance.now()
const trials = [...trialsOf('embedded', EMBEDDED_MUTANTS), ...skipReason === false ? trialsOf('Redis', REDIS_MUTANTS) : []]
const outcomes = (await Promise.all(Array.from({ length: PARALLEL }, async () => await work(trials)))).flat()
const bad = outcomes.filter(({ isGood }) => !isGood)
console.log(`${outcomes.length - bad.length} of ${outcomes.length} as expected, ${Math.round((performance.now() - begunMs) / 1_000)} s; DASHGATE_SEED=${SEED}`)
for (const outcome of bad) console.log(`NOT AS EXPECTED ${lineOf(outcome)}`)
process.exitCode = bad.length === 0 ? 0 : 1

/** The store as it is must pass. */
function trialsOf (store: StoreName, mutants: readonly Mutant[]): Trial[] {
  return [undefined, ...mutants].map((mutant) => ({ store, mutant }))
}

/** Takes trials until there are none left, in a copy of its own. */
async function work (left: Trial[]): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'dashgate-mutants-'))
  const outcomes: Outcome[] = []
  try {
    for (const path of COPIED) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await cp(join(ROOT, path), join(folder, path), { recursive: true })
    }
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    for (let trial = left.shift(); trial !== undefined; trial = left.shift()) {
      const outcome = await attempt(folder, trial)
      console.log(lineOf(outcome))
      outcomes.push(outcome)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return outcomes
}

async function attempt (folder: string, trial: Trial): Promise<Outcome> {
  const { store, mutant } = trial
  const startMs = performance.now()
  const outcome = (isGood: boolean, said: string): Outcome => ({ trial, isGood, said, durationMs: performance.now() - startMs })
  if (mutant === undefined) {
    const { code, errors } = await runLaws(folder, store)
    return outcome(code === 0, code === 0 ? 'keeps every law' : errors)
  }
  const path = join(folder, mutant.file)
  const source = await readFile(path, 'utf8')
  const places = source.split(mutant.from).length - 1
  if (places !== 1) return outcome(false, `its place is there ${places} times`)
  await writeFile(path, source.replace(mutant.from, () => mutant.to))
  try {
    const { code, errors } = await runLaws(folder, store)
    const [, operations, reason] = /broken after (\d+) operations; \S+ breaks it again: (.*)/.exec(errors) ?? []
    if (code === 0) return outcome(false, `lives on after ${OPERATIONS_MAX} operations`)
    return reason === undefined ? outcome(false, errors) : outcome(true, `found after ${operations} operations: ${reason}`)
  } finally {
    await writeFile(path, source)
  }
}

async function runLaws (folder: string, store: StoreName): Promise<{ readonly code: number | null, readonly errors: string }> {
  const env = {
    ...process.env, DASHGATE_LAW_STORE: store, DASHGATE_LAW_OPERATIONS: String(OPERATIONS_MAX), DASHGATE_LAW_BRIEF: '1', DASHGATE_SEED: SEED
  }
  const child = spawn(process.execPath, [LAWS], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: TIME_MS_MAX })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const [code] = await once(child, 'close') as [number | null]
  return { code, errors }
}

function lineOf ({ trial: { store, mutant }, isGood, said, durationMs }: Outcome): string {
  const time = `${(durationMs / 1_000).toFixed(1)} s`.padStart(7)
  return `${isGood ? 'ok    ' : 'not ok'} ${time}  ${store.padEnd(8)}  ${mutant?.bug ?? 'no bug'}: ${said.slice(0, SAID_CHARACTERS_MAX).replaceAll('\n', ' ')}`
}
