import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbedded } from './embedded.ts'
import { openRedis } from './redis.ts'
import { reasonToSkipRedis, startRedis } from '../../support/redis.ts'
import type { Subject } from './subject.ts'

interface Test { teardown (end: () => Promise<void>): void }

/** For a million operations on a slow machine; whoever runs all suites has a shorter one of his own. */
export const TEST_TIMEOUT_MS = 4 * 3_600_000

/** `embedded` or `Redis`: the other one is left out. */
const ONLY = process.env['DASHGATE_LAW_STORE']

/** The stores that are there. What they need goes with the test. */
export async function openSubjects (t: Test): Promise<Subject[]> {
  const subjects = ONLY === 'Redis' ? [] : [await openEmbeddedFor(t)]
  if (ONLY !== 'embedded' && await reasonToSkipRedis() === false) subjects.push(await openRedisFor(t))
  return subjects
}

async function openEmbeddedFor (t: Test): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'dashgate-laws-'))
  const subject = openEmbedded(folder)
  t.teardown(async () => {
    await subject.close()
    await rm(folder, { recursive: true, force: true })
  })
  return subject
}

async function openRedisFor (t: Test): Promise<Subject> {
  const server = await startRedis()
  const subject = await openRedis(server.url)
  t.teardown(async () => {
    await subject.close()
    await server.stop()
  })
  return subject
}
