import { rm } from 'node:fs/promises'
import { adminCall, figuresOf, killedLives, PENDING, startFleet } from '../../support/fleet/fleet.ts'
import { audit, countBy } from './audit.ts'
import { author } from '../../support/fleet/wording.ts'
import { bringDisasters } from './disasters.ts'
import { clientsOf, createLoad } from './load.ts'
import { LEASE_MS } from '../../../src/limits/store.ts'
import { openAccounts } from '../../support/fleet/accounts.ts'
import { pause, until } from '../../support/fleet/patience.ts'
import { readBooks, shownUsage } from './books.ts'
import { startUpstream } from '../../support/fleet/upstream.ts'
import { startWitness } from './witness.ts'
import { STORES, temporaryFolder } from './stores.ts'
import { teamsOf, UPSTREAM_KEY, yamlFor } from './scene.ts'
import type { Audit } from './audit.ts'
import type { Load, Sending } from './load.ts'
import type { Cuts } from '../../support/fleet/wires.ts'
import type { Disasters } from './disasters.ts'
import type { Fleet, Seat } from '../../support/fleet/fleet.ts'
import type { Size, TeamScene } from './scene.ts'
import type { SoakStore, StoreName } from './stores.ts'
import type { Upstream } from '../../support/fleet/upstream.ts'
import type { Witness } from './witness.ts'

/** What one run over one store has shown. */
export interface Soak {
  readonly store: StoreName
  readonly seed: number
  readonly size: Size
  readonly audit: Audit
  /** What is wrong with the run itself, in words. */
  readonly faults: readonly string[]
  readonly endings: ReadonlyMap<Sending['how'], number>
  /** What the upstream was made to do, by the fault's name. */
  readonly upstreamFaults: ReadonlyMap<string, number>
  readonly upstreamRequests: number
  readonly disasters: Disasters
  readonly cuts: Cuts | undefined
  readonly loadMs: number
  /** From the end of the load to the first moment at which nothing was held any more. */
  readonly quietMs: number
  readonly logs: readonly string[]
}

const RECORDS_MAX = 5_000
const QUIET_MS_MAX = LEASE_MS + 15_000
const QUIET_INTERVAL_MS = 500
const PROGRESS_INTERVAL_MS = 10_000

export interface SoakOptions { readonly store: StoreName, readonly size: Size, readonly seed: number, readonly told: (what: string) => void }

/** One run, from the first request to the audit of the books. */
export async function soak (options: SoakOptions): Promise<Soak> {
  const { store: name, size, seed } = options
  const closers: (() => Promise<unknown>)[] = []
  const over = new AbortController()
  try {
    const folder = await temporaryFolder()
    closers.push(() => rm(folder, { recursive: true, force: true }))
    const store = await STORES[name]({ size, seed, folder })
    closers.push(() => store.close())
    const upstream = await startUpstream({ pace: size.pace, author, keys: [UPSTREAM_KEY], requestsMax: RECORDS_MAX })
    closers.push(() => upstream.simulator.close())
    const { environments } = store
    const fleet = await startFleet({ folder, environments, yaml: yamlFor(upstream.simulator.url, environments.length) })
    closers.push(() => fleet.close())
    return await play({ store, upstream, fleet, signal: over.signal }, options)
  } finally {
    over.abort()
    for (const close of closers.reverse()) await close()
  }
}

interface Stage { readonly store: SoakStore, readonly upstream: Upstream, readonly fleet: Fleet, readonly signal: AbortSignal }

async function play (stage: Stage, options: SoakOptions): Promise<Soak> {
  const { store, upstream, fleet, signal } = stage
  const { store: name, size, seed } = options
  const teams = teamsOf(size)
  const clients = clientsOf(size, teams)
  const accounts = await openAccounts(fleet, teams.map((team) => ({
    id: team.id, settings: team.settings, members: clients.filter((client) => client.team === team)
  })), ({ team }) => team.keySettings)
  const load = createLoad(clients, size, { fleet, secretOf: accounts.secretOf, seed, signal })
  const witness = startWitness(upstream, load.plannedFor)
  const fromMs = Date.now()
  const { disasters, loadMs, cuts } = await runLoad(stage, load, options)
  const startMs = performance.now()
  await until('nothing is held any more', QUIET_MS_MAX, async () => await isQuiet(fleet, teams) || (await pause(QUIET_INTERVAL_MS), false))
  const quietMs = performance.now() - startMs
  const shown = await shownUsage(fleet.seats[0] as Seat)
  const faults = await endAll(stage, disasters)
  const span = { fromMs, toMs: Date.now() + 1 }
  const seen = witness.seen()
  const backend = await store.open()
  const books = await readBooks(backend, teams.map(({ id }) => id), { span, shown })
  await backend.close()
  return {
    store: name,
    seed,
    size,
    audit: audit(teams, books, { sendings: load.sendings, clientOfKey: accounts.memberOfKey, seen, killed: killedLives(fleet) }),
    faults,
    endings: countBy([...load.sendings.values()].map(({ how }) => how)),
    ...upstreamOf(witness),
    disasters,
    cuts,
    loadMs,
    quietMs,
    logs: fleet.seats.flatMap(({ logs }) => logs)
  }
}

interface Loaded { readonly disasters: Disasters, readonly loadMs: number, readonly cuts: Cuts | undefined }

async function runLoad ({ store, fleet }: Stage, load: Load, { size, told }: SoakOptions): Promise<Loaded> {
  const startMs = performance.now()
  const progress = setInterval(() => {
    told(`${load.done} of ${size.requests} requests after ${Math.round((performance.now() - startMs) / 1_000)} s`)
  }, PROGRESS_INTERVAL_MS)
  store.startCutting()
  try {
    const [, disasters] = await Promise.all([load.run(), bringDisasters({ fleet, store, size, done: () => load.done, told })])
    return { disasters, loadMs: performance.now() - startMs, cuts: await store.stopCutting() }
  } finally {
    clearInterval(progress)
  }
}

async function isQuiet (fleet: Fleet, teams: readonly TeamScene[]): Promise<boolean> {
  const [seat] = fleet.seats
  if (seat === undefined || ((await figuresOf(fleet)).get(PENDING) ?? 0) > 0) return false
  // What is set aside for a time without the store is held until the gateways end.
  const others = teams.filter(({ settings }) => settings.on_store_down !== 'escrow')
  const budgets = await Promise.all(others.map(async ({ id }) => (await adminCall<{ data: readonly { held: number | string }[] }>(seat, `/teams/${id}/budgets`)).data))
  return budgets.flat().every(({ held }) => Number(held) === 0)
}

/** @returns what is wrong with how they ended, in words */
async function endAll ({ fleet, store }: Stage, { badExits }: Disasters): Promise<string[]> {
  const lost = (await figuresOf(fleet)).get('dashgate_settlements_lost_total') ?? 0
  const codes = await Promise.all(fleet.seats.map((seat) => fleet.terminate(seat)))
  const unsettled = await store.unsettled()
  return [
    ...lost > 0 ? [`${lost} settlements were given up`] : [],
    ...[...badExits, ...codes].filter((code) => code !== 0).map((code) => `a gateway that was asked to end did so with ${code}`),
    ...unsettled > 0 ? [`${unsettled} settlements are still in spools`] : []
  ]
}

function upstreamOf (witness: Witness): Pick<Soak, 'upstreamFaults' | 'upstreamRequests'> {
  const all = [...witness.seen().values()].flat()
  return { upstreamFaults: countBy(all.flatMap(({ faults }) => faults.map((fault) => fault.split('=', 1)[0] ?? ''))), upstreamRequests: all.length }
}
