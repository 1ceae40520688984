import t from 'tap'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { adminApp } from './admin-app.ts'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryUsage, HOUR_MS, usageHour } from '../metering/usage-hours.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { readers } from './readers.ts'
import { StoreUnavailable } from '../../src/limits/store.ts'
import type { UsageReader } from '../../src/metering/rollups.ts'

const NOW_MS = Date.UTC(2026, 10, 25)
const HOURS = 2_400
/** A row for each hour, with a name so long that buffers on the way hold few of them. */
const QUERY = '/admin/v1/usage?format=csv&step=hour&group_by=key&from=2026-08-17'

/** A hundred days of a team with a key whose name is long. */
function longUsage () {
  return createMemoryUsage(Array.from({ length: HOURS }, (_, index) => usageHour(NOW_MS - (index + 1) * HOUR_MS)))
}

async function listening (t: Test, usage: UsageReader) {
  const { app, deps, failures } = await adminApp(t, { clock: createManualClock(NOW_MS), usage, identify: readers })
  await deps.directory.createTeam('search', {}, undefined)
  await deps.directory.createKey({ id: 'k1', team: 'search', digest: 'd', settings: { name: 'n'.repeat(20_000) } }, undefined)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const asked = request(url + QUERY, { headers: { authorization: 'Bearer admin' } })
  asked.end()
  const [response] = await once(asked, 'response') as [IncomingMessage]
  return { asked, response, failures, app }
}

/** Turns of the event loop until nothing new is read. */
async function settled (count: () => number): Promise<number> {
  let before = -1
  for (let still = 0; still < 50; before = count()) {
    still = count() === before ? still + 1 : 0
    await new Promise(setImmediate)
  }
  return before
}

t.test('no more is read than the client takes, and nothing once it has left', async (t) => {
  const usage = longUsage()
  const { asked, response, failures } = await listening(t, usage)
  response.pause()
  const read = await settled(() => usage.reads.length)
  t.ok(read < HOURS / 24 / 2, `${read} of ${HOURS / 24} parts are read while nobody takes them`)
  response.once('error', () => {})
  asked.once('error', () => {})
  asked.destroy()
  await settled(() => usage.reads.length)
  t.ok(usage.reads.length < HOURS / 24)
  t.same(failures, [], 'and that is no failure')
})

t.test('whoever takes everything has everything', async (t) => {
  const { response } = await listening(t, longUsage())
  let bytes = 0
  let lines = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    lines += chunk.toString('latin1').split('\r\n').length - 1
  }
  t.equal(lines, HOURS + 1)
  t.ok(bytes > HOURS * 20_000)
})

function failingAt (part: number, error: Error): UsageReader {
  const usage = longUsage()
  return {
    async * read (team, fromMs, toMs) {
      if (usage.reads.length === part) throw error
      yield * usage.read(team, fromMs, toMs)
    }
  }
}

t.test('what goes wrong before the first row is an answer of its own', async (t) => {
  const { response } = await listening(t, failingAt(0, new GatewayError('store_unavailable', 'The store is away.')))
  t.equal(response.statusCode, 503)
  t.match(response.headers['content-type'], /application\/json/)
  t.equal(response.headers['content-disposition'], undefined)
  t.match((await response.toArray()).toString(), /"store_unavailable"/)
})

t.test('what goes wrong later breaks the answer off, so that nobody takes a part for all', async (t) => {
  const { response, failures } = await listening(t, failingAt(3, new StoreUnavailable('gone')))
  t.equal(response.statusCode, 200)
  await t.rejects(response.toArray(), { code: 'ECONNRESET' })
  t.match(failures, [{ kind: 'internal', cause: { message: 'gone' } }])
})
