import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KEYRING } from '../../support/keyring.ts'
import { buildAdminApp } from '../../../src/admin/app.ts'
import { buildApp } from '../../../src/http/app.ts'
import { createAuthenticate } from '../../../src/accounts/authenticate.ts'
import { ADMIN_TOKEN, adminDeps, PEPPER } from '../../support/admin-deps.ts'
import { createCountedIds, createManualClock } from '../../support/fixed.ts'
import { createEmbeddedAccounts } from '../../../src/store/embedded/accounts.ts'
import { createEmbeddedLedger } from '../../../src/store/embedded/ledger.ts'
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { createEmbeddedRefusals } from '../../../src/store/embedded/refusals.ts'
import { createExplanations } from '../../../src/limits/explanations.ts'
import { createLimiter } from '../../../src/limits/limiter.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { openDirectory } from '../../../src/accounts/directory.ts'
import { CATALOG } from './catalog.ts'
import { createCallers, createEnds } from './callers.ts'
import { createUpstream } from './upstream.ts'
import { PROTOCOLS } from '../../../src/protocols/registry.ts'
import type { Callers } from './callers.ts'
import type { Catalog, Policies } from '../../../src/core/catalog.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { ManualClock } from '../../support/fixed.ts'
import type { Limiter } from '../../../src/limits/limiter.ts'
import type { LimitStore } from '../../../src/limits/store.ts'

/** Both listeners over one database, without sockets. The upstream answers when it is told to. */
export interface World extends Callers {
  /** Begins another life at that time. Teams of before are left alone. */
  restart (nowMs: number, policies: Policies): void
  readonly clock: Pick<ManualClock, 'nowMs' | 'advance'>
  /** Does what a gateway does of itself every few seconds: ends what nobody has renewed. */
  sweep (team: string): Promise<void>
  close (): Promise<void>
}

export async function createWorld (): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-law-'))
  const database = openDatabase(folder)
  let time = createManualClock()
  let catalog: Catalog | undefined
  const clock: Clock = { nowMs: () => time.nowMs(), monotonicMs: () => time.monotonicMs(), setTimer: atOnceOrNever }
  // A second for each refusal: of a flood of them not all would be remembered.
  let refusalsSeen = 0
  const refusals = createEmbeddedRefusals(database, { ...clock, monotonicMs: () => ++refusalsSeen * 1_000 }, (_count, cause) => { throw cause })
  const store = createEmbeddedLimitStore(database, clock)
  const accounts = createEmbeddedAccounts(database)
  const directory = await openDirectory(accounts, clock)
  const currentCatalog = (): Catalog => {
    if (catalog === undefined) throw new Error('the world has not begun')
    return catalog
  }
  const limiter = limiterOver(store, clock)
  const explanations = createExplanations({ limiter, store, currentCatalog, clock })
  const upstream = createUpstream()
  const ends = createEnds()
  const authenticate = createAuthenticate(directory, { peppers: { current: PEPPER, previous: undefined }, clock, outdated () {} })
  const app = buildApp({ bodyBytesMax: 1_048_576, limits: { lingerTimeoutMs: 0 } }, {
    clock,
    ids: createCountedIds(),
    random: () => 0,
    tokens: { count: () => upstream.asked().counted, countText: () => 0, close: async () => undefined },
    limiter,
    refusals,
    explanations,
    ledger: createEmbeddedLedger(database),
    protocols: [...PROTOCOLS.values()],
    send: upstream.send,
    keyring: KEYRING,
    authenticate,
    authenticateFresh: async (headers, address) => authenticate(headers, address),
    currentCatalog,
    refused () {},
    unsettled: ({ requestId }, cause) => ends.fail(requestId, cause),
    track: (exchange) => exchange,
    readiness: () => 'ok',
    record: ({ requestId }) => ends.tell(requestId)
  })
  const admin = buildAdminApp({ ...adminDeps({ directory, store: accounts, clock }), explanations })
  return {
    ...createCallers({ app, admin, upstream, ends, adminToken: ADMIN_TOKEN }),
    clock: { nowMs: () => time.nowMs(), advance: (ms) => time.advance(ms) },
    restart (nowMs, policies) {
      time = createManualClock(nowMs)
      catalog = { ...CATALOG, policies }
    },
    async sweep (team) { await store.renew({ team, rids: [] }) },
    async close () {
      await Promise.all([app.close(), admin.close()])
      store.close()
      refusals.close()
      database.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Nothing waits here but a refusal for the rest of its request, of which nobody without a socket knows the end. */
function atOnceOrNever (delayMs: number, action: () => void): () => void {
  if (delayMs === 0) setImmediate(action)
  return () => {}
}

function limiterOver (store: LimitStore, clock: Clock): Limiter {
  return createLimiter({
    store,
    clock,
    skewMs: () => 0,
    // Nobody renews: what is held for longer than a lease expires, which is a state like any other.
    leases: { begin () {}, end () {} },
    settlements: { healthy: true, settle: async (call) => { await store.settle(call) } },
    outage: { observe () {}, admit: () => 'refused' }
  })
}
