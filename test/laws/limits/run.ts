import { randomInt } from 'node:crypto'
import fc from 'fast-check'

/** What a law is tried on, and what one try of it is worth. */
export interface Law<Value> {
  readonly name: string
  readonly arbitrary: fc.Arbitrary<Value>
  /** @returns how many operations a store has taken */
  readonly holds: (value: Value) => Promise<number>
  readonly operationsMin: number
}

const TRIES_PER_ROUND = 50
const SEED_MAX = 2 ** 31

const environment = process.env
/** The same number makes the same tries again. */
const SEED = Number(environment['DASHGATE_SEED'] ?? randomInt(SEED_MAX))
/** Instead of what each law takes for enough. */
const OPERATIONS = environment['DASHGATE_LAW_OPERATIONS']
/** Whoever only wants to know whether a law is broken need not wait for the shortest way to break it. */
const endOnFailure = environment['DASHGATE_LAW_BRIEF'] === '1'

/** Tries a law until it has seen enough operations, and says on standard error how to do so again. */
export async function uphold<Value> ({ name, arbitrary, holds, operationsMin }: Law<Value>): Promise<void> {
  const wanted = OPERATIONS === undefined ? operationsMin : Number(OPERATIONS)
  const begunMs = performance.now()
  let operations = 0
  let tries = 0
  const property = fc.asyncProperty(arbitrary, async (value) => {
    tries += 1
    operations += await holds(value)
  })
  for (let round = 0; ; round++) {
    if (operations >= wanted) break
    const seed = (SEED + round) % SEED_MAX
    await fc.assert(property, { seed, numRuns: TRIES_PER_ROUND, endOnFailure }).catch((cause: unknown) => {
      console.error(`${name}: broken after ${operations} operations; DASHGATE_SEED=${seed} breaks it again: ${reasonOf(cause)}`)
      throw cause
    })
  }
  console.error(`${name}: ${operations} operations in ${tries} tries, ${Math.round(performance.now() - begunMs)} ms; DASHGATE_SEED=${SEED}`)
}

function reasonOf (cause: unknown): string {
  const { message } = cause instanceof Error && cause.cause instanceof Error ? cause.cause : new Error(String(cause))
  return message.split('\n', 1).join('')
}
