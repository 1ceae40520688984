import { byTurns } from '../../support/fleet/turns.ts'
import { audit } from './audit.ts'
import { figuresOf, killedLives, lifeOf, PENDING } from '../../support/fleet/fleet.ts'
import { GATEWAY_PATHS } from '../../support/fleet/chat.ts'
import { pause, until } from '../../support/fleet/patience.ts'
import { booksOf } from './ledger.ts'
import { clientsOf, runLoad } from './load.ts'
import { createCheckThenAct } from './check-then-act.ts'
import { createDeaths } from './deaths.ts'
import { createOpenCount, setStage } from './stage.ts'
import { lastRequest } from './plan.ts'
import { LEASE_MS } from '../../../src/limits/store.ts'
import { MODELS } from './scene.ts'
import { startWatch } from './watch.ts'
import type { Cuts } from '../../support/fleet/wires.ts'
import type { Deaths } from './deaths.ts'
import type { Send, Sending } from './load.ts'
import type { Size, TeamScene } from './scene.ts'
import type { Spent } from './check-then-act.ts'
import type { Stage } from './stage.ts'
import type { TeamAudit } from './audit.ts'
import type { Watch, Watched } from './watch.ts'

/** What one run has shown. */
export interface Proof {
  readonly seed: number
  readonly size: Size
  readonly redisVersion: string
  readonly watched: Watched
  readonly audits: readonly TeamAudit[]
  /** Requests of the load and of its tail, by how they ended for their clients. */
  readonly endings: Readonly<Record<Sending['status'], number>>
  readonly cuts: Cuts
  readonly loadMs: number
  /** From the end of the load to the first moment at which nothing was held any more. */
  readonly holdsGoneMs: number
  /** Figures of all gateways at the end, added up; those of killed processes are gone with them. */
  readonly figures: ReadonlyMap<string, number>
  /** Everything the gateways logged. */
  readonly logs: readonly string[]
  readonly checkThenAct: readonly Spent[]
}

/** Which gateway dies how, when so much of the budgets is spent. The first stays dead until its leases have run out. */
const DEATHS: readonly { readonly at: number, readonly how: keyof Deaths, readonly seat: number }[] = [
  { at: 0.05, how: 'cutOff', seat: 2 }, { at: 0.3, how: 'midStream', seat: 0 }, { at: 0.5, how: 'unheard', seat: 1 }
]
const PROGRESS_TIMEOUT_MS = 180_000
const HOLDS_GONE_MS_MAX = LEASE_MS + 10_000
const SPOOL_TIMEOUT_MS = 20_000
const TAIL_REQUESTS_MAX = 1_000
const TAIL_PAUSE_MS = 50
const QUIET_TIMEOUT_MS = 5_000

/** One run on a stage of its own, from the first request to the audit of the books. */
export async function prove (size: Size, seed: number): Promise<Proof> {
  const stage = await setStage(size, seed)
  const over = new AbortController()
  try {
    return await play(stage, { size, seed, signal: over.signal })
  } finally {
    over.abort()
    await stage.close()
  }
}

interface Run { readonly size: Size, readonly seed: number, readonly signal: AbortSignal }

async function play (stage: Stage, { size, seed, signal }: Run): Promise<Proof> {
  const { teams, clients, redis, fleet, wires, simulator, connections, redisVersion } = stage
  const watch = startWatch({ redis, teams, upstreamOf: createOpenCount(simulator), signal })
  const send = sendTo(stage)
  wires.startCutting()
  const startMs = performance.now()
  const [sendings, revive] = await Promise.all([runLoad(clients, size, { send, seed, signal }), killInTurn(stage, size, watch)])
  const endMs = performance.now()
  const cuts = await wires.stopCutting()
  const checkThenAct = createCheckThenAct({ redis, connections, simulatorUrl: simulator.url, teams })
  let holdsGoneMs = 0
  await Promise.all([
    runLoad(clientsOf(size, teams, 'naive'), size, { send: checkThenAct.send, seed, signal }),
    until('nothing is held any more', HOLDS_GONE_MS_MAX, () => isQuiet(watch, teams)).then(() => { holdsGoneMs = performance.now() - endMs })
  ])
  await revive()
  await until('all spools are empty', SPOOL_TIMEOUT_MS, async () => ((await figuresOf(fleet)).get(PENDING) ?? 0) === 0)
  sendings.push(...(await Promise.all(teams.map((team) => spendTheRest(team, stage, send)))).flat())
  await until('nothing is under way any more', QUIET_TIMEOUT_MS, () => isQuiet(watch, teams))
  const watched = await watch.stop()
  const figures = await figuresOf(fleet)
  const witnesses = { upstream: stage.upstreamRecords(), sendings, clientOfKey: stage.clientOfKey, killed: killedLives(fleet) }
  const audits = await Promise.all(teams.map(async (team) => audit(await booksOf(redis, team), witnesses)))
  const logs = fleet.seats.flatMap(({ logs, process }) => [...logs, process?.output.stdout ?? '', process?.output.stderr ?? ''])
  return {
    seed, size, redisVersion, watched, audits, endings: endingsOf(sendings), cuts, loadMs: endMs - startMs, holdsGoneMs, figures, logs, checkThenAct: await checkThenAct.spent()
  }
}

function sendTo ({ fleet, secretOf, connections }: Stage): Send {
  const next = byTurns(fleet)
  return async (asked, client) => {
    const seat = next()
    if (seat === undefined) return { status: 'unavailable', requestId: undefined, used: undefined, servedBy: undefined }
    const servedBy = lifeOf(seat)
    seat.inFlight++
    try {
      return { ...await connections.ask(asked, { url: seat.url, key: secretOf(client), paths: GATEWAY_PATHS }), servedBy }
    } finally {
      seat.inFlight--
    }
  }
}

/** @returns what brings back the one that stayed dead */
async function killInTurn ({ fleet, wires, teams }: Stage, { dyingRequests }: Size, watch: Watch): Promise<() => Promise<void>> {
  const deaths = createDeaths({ fleet, wires, requests: dyingRequests })
  let revive = async (): Promise<void> => {}
  for (const { at, how, seat: place } of DEATHS) {
    const seat = fleet.seats[place]
    if (seat === undefined) throw new Error(`there is no gateway ${place}`)
    await until(`${at} of the budgets is spent`, PROGRESS_TIMEOUT_MS, () => progressOf(watch, teams) >= at)
    revive = await deaths[how](seat) ?? revive
  }
  return revive
}

/** What is spent of the budgets; of a team that has two, of the one that is used up sooner. */
function progressOf (watch: Watch, teams: readonly TeamScene[]): number {
  const shares = teams.map((team) => Math.max(...[...watch.levels(team).values()].map(({ spent, max }) => spent / max)))
  return shares.reduce((sum, share) => sum + share, 0) / teams.length
}

function isQuiet (watch: Watch, teams: readonly TeamScene[]): boolean {
  return teams.every((team) => watch.inFlight(team) === 0 && [...watch.levels(team).values()].every(({ held }) => held === 0))
}

/** One request after the other until the budget refuses. */
async function spendTheRest (team: TeamScene, { clients }: Stage, send: Send): Promise<Sending[]> {
  const sendings: Sending[] = []
  const client = clients.find((one) => one.team === team)
  if (client === undefined) throw new Error(`${team.id} has no client`)
  for (let place = 0; place < TAIL_REQUESTS_MAX; place++) {
    const marker = `${client.name}.tail.${place}`
    const startMs = Date.now()
    const outcome = await send(lastRequest(marker, MODELS[0].name), client)
    sendings.push({ ...outcome, marker, client: client.name, startMs, endMs: Date.now() })
    if (outcome.status === 'no_budget') return sendings
    if (outcome.status !== 'answered') await pause(TAIL_PAUSE_MS)
  }
  throw new Error(`${team.id} has not used up its budget after ${TAIL_REQUESTS_MAX} more requests`)
}

function endingsOf (sendings: readonly Sending[]): Record<Sending['status'], number> {
  const endings = { answered: 0, no_budget: 0, no_place: 0, unavailable: 0, broken: 0, failed: 0 }
  for (const { status } of sendings) endings[status]++
  return endings
}
