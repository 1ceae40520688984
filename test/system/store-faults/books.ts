import type { Test } from 'tap'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import { until } from '../../support/redis.ts'
import { CANARY } from './scene.ts'
import type { Caller, FaultScene } from './scene.ts'

/** What Redis has of a team. */
export interface Books {
  readonly spentTokens: number
  readonly spentNano: number
  readonly held: number
  readonly inFlight: number
  readonly reservations: number
  readonly records: readonly LedgerRecord[]
}

export async function booksOf ({ redis }: Pick<FaultScene, 'redis'>, { team }: Caller): Promise<Books> {
  const key = (name: string): string => `dg:{${team}}:${name}`
  const state = pairsOf(await redis.command('HGETALL', key('s')))
  const sumOf = (prefix: string): number => [...state].reduce((sum, [field, value]) => field.startsWith(prefix) ? sum + Number(value) : sum, 0)
  const entries = await redis.command('XRANGE', key('ev'), '-', '+') as [string, string[]][]
  return {
    spentTokens: sumOf('bs:t.b.daily:'),
    spentNano: sumOf('bs:t.b.money:'),
    held: sumOf('br:'),
    inFlight: sumOf('c:'),
    reservations: Number(await redis.command('HLEN', key('r'))),
    records: entries.flatMap(([, words]) => {
      const record = pairsOf(words).get('record')
      return record === undefined ? [] : [JSON.parse(record) as LedgerRecord]
    })
  }
}

/** Redis answers a map as a flat list. */
function pairsOf (flat: unknown): Map<string, string> {
  const words = (flat as unknown[]).map(String)
  return new Map(words.flatMap((word, index) => index % 2 === 0 ? [[word, words[index + 1] ?? ''] as const] : []))
}

/** Waits until nothing of a team is under way or pending any more. */
async function quiet (scene: FaultScene, caller: Caller): Promise<Books> {
  await until('everything is settled', async () => {
    if (await scene.metric('dashgate_spool_pending') !== 0) return false
    const { held, inFlight, reservations } = await booksOf(scene, caller)
    return held === 0 && inFlight === 0 && reservations === 0
  })
  return await booksOf(scene, caller)
}

/**
 * What holds in the end, whatever happened: what is charged is what the upstream did for the team, to the token, each
 * request is recorded once, nothing is held, and no log has a secret or a word of a prompt.
 */
export async function assertBooks (t: Test, scene: FaultScene, caller: Caller, what = ''): Promise<Books> {
  const books = await quiet(scene, caller)
  const seen = scene.simulator.requests.filter(({ body }) => body.includes(`${CANARY} ${caller.team}.`))
  const tokens = seen.reduce((sum, { charge }) => sum + charge.inputTokens + charge.outputTokens, 0)
  t.equal(books.spentTokens, tokens, `${what}: what is charged is what the upstream did`)
  t.equal(books.spentNano, books.records.reduce((sum, { costNano }) => sum + costNano, 0), `${what}: in money as it is recorded`)
  t.equal(books.records.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0), tokens, `${what}: and recorded so`)
  t.equal(books.records.length, seen.length, `${what}: a record for each`)
  t.equal(new Set(books.records.map(({ requestId }) => requestId)).size, seen.length, `${what}: and only one`)
  const logs = scene.logLines.join('')
  t.strictSame(scene.secrets.filter((secret) => logs.includes(secret)), [], `${what}: nothing secret is logged`)
  return books
}
