import { adminCall } from '../../support/fleet/fleet.ts'
import { createExplanations } from '../../../src/limits/explanations.ts'
import { openDirectory } from '../../../src/accounts/directory.ts'
import { systemClock } from '../../../src/system.ts'
import type { Account } from '../../../src/accounts/principal.ts'
import type { Backend } from '../../../src/store/backend.ts'
import type { LedgerRecord, Listed } from '../../../src/metering/ledger.ts'
import type { LimitReport } from '../../../src/metering/limit-report.ts'
import type { Seat } from '../../support/fleet/fleet.ts'
import type { UsageHour } from '../../../src/metering/rollups.ts'

/** All that a store has of one team at the end, read as the API reads it. */
export interface Books {
  readonly team: string
  /** The latest first. */
  readonly records: readonly LedgerRecord[]
  /** Cursors that are not in their order, or there twice. */
  readonly misplaced: readonly string[]
  readonly hours: readonly UsageHour[]
  /** What the admin API said of it at the end, by key and model. */
  readonly shown: readonly ShownUsage[]
  /** Every limit of every key, as it stands, those of its team among them. */
  readonly limits: readonly { readonly keyId: string, readonly reports: readonly LimitReport[] }[]
}

export type ShownCount = 'requests' | 'errors' | 'estimated' | 'input_tokens' | 'cached_tokens' | 'output_tokens' | 'reasoning_tokens' | 'cost_nano'
export interface ShownUsage extends Readonly<Record<ShownCount, number>> { readonly team: string, readonly key: string, readonly model: string }

/** Asked of a gateway that lives. */
export async function shownUsage (seat: Seat): Promise<readonly ShownUsage[]> {
  return (await adminCall<{ data: readonly ShownUsage[] }>(seat, '/usage?group_by=team,key,model')).data
}

export interface Span { readonly fromMs: number, readonly toMs: number }

interface Reading { readonly span: Span, readonly shown: readonly ShownUsage[] }

const PAGE_RECORDS = 500
const PAGES_MAX = 10_000
const HOUR_MS = 3_600_000

export async function readBooks (backend: Backend, teams: readonly string[], { span, shown }: Reading): Promise<Books[]> {
  const directory = await openDirectory(backend.accounts, systemClock)
  const limitsOf = createLimits(backend)
  return await Promise.all(teams.map(async (id): Promise<Books> => {
    const team = directory.team(id)
    if (team === undefined) throw new Error(`the store does not know the team ${id}`)
    const listed = await allListed(backend, id, span)
    const limits: Books['limits'][number][] = []
    for (const key of directory.keysOf(id)) limits.push({ keyId: key.id, reports: await limitsOf({ team, key }) })
    return {
      team: id,
      records: listed.map(({ record }) => record),
      misplaced: listed.flatMap(({ cursor }, place) => place > 0 && cursor >= (listed[place - 1]?.cursor ?? '') ? [cursor] : []),
      hours: await hoursOf(backend, id, span),
      shown: shown.filter((row) => row.team === id),
      limits
    }
  }))
}

function createLimits ({ limits: { main: store } }: Backend): (account: Account) => Promise<readonly LimitReport[]> {
  const nobody = (): never => { throw new Error('nothing is let in here') }
  const limiter = { admit: nobody, explain: nobody, unheld: nobody }
  return createExplanations({ limiter, store, currentCatalog: nobody, clock: systemClock }).limitsOf
}

async function allListed ({ ledger }: Backend, team: string, span: Span): Promise<Listed<LedgerRecord>[]> {
  const all: Listed<LedgerRecord>[] = []
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const before = all.at(-1)?.cursor
    const page = await ledger.list({ team, ...span, ...(before === undefined ? {} : { before }), limit: PAGE_RECORDS })
    all.push(...page)
    if (page.length < PAGE_RECORDS) return all
  }
  throw new Error(`${team} has more than ${PAGES_MAX * PAGE_RECORDS} records`)
}

async function hoursOf ({ usage }: Backend, team: string, { fromMs, toMs }: Span): Promise<UsageHour[]> {
  const hours: UsageHour[] = []
  for await (const batch of usage.read(team, Math.floor(fromMs / HOUR_MS) * HOUR_MS, toMs)) hours.push(...batch)
  return hours
}
