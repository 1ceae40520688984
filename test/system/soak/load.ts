import { Agent } from 'undici'
import { ask } from './client.ts'
import { byTurns } from '../../support/fleet/turns.ts'
import { lifeOf } from '../../support/fleet/fleet.ts'
import { pause, until } from '../../support/fleet/patience.ts'
import { planFor } from './plan.ts'
import { randomFrom } from '../../support/fleet/random.ts'
import type { Fleet, Seat } from '../../support/fleet/fleet.ts'
import type { Planned } from './plan.ts'
import type { Size, TeamScene } from './scene.ts'
import type { Told } from './client.ts'

/** One client, which makes one request at a time. Its name is in its markers. */
export interface Client { readonly name: string, readonly team: TeamScene }

/** One sending of a request, from its client's side. */
export interface Sending extends Told {
  readonly marker: string
  readonly planned: Planned
  readonly client: Client
  /** Which life of which gateway took it. */
  readonly servedBy: string
  readonly startMs: number
}

export interface LoadDeps {
  readonly fleet: Fleet
  readonly secretOf: (client: Client) => string
  readonly seed: number
  readonly signal: AbortSignal
}

export interface Load {
  readonly clients: readonly Client[]
  /** By marker; it grows while the load runs. */
  readonly sendings: ReadonlyMap<string, Sending>
  /** Of the marker of a sending, its request. */
  plannedFor (marker: string): Planned | undefined
  /** Requests that are done with. */
  readonly done: number
  run (): Promise<void>
}

/** A request that nobody could take, for want of the store, is sent again at most so often. */
const TRIES_MAX = 200
const RETRY_PAUSE_MS = 150
const SEAT_TIMEOUT_MS = 60_000
/** A request whose client left before the head is known by when it came: the next one of that client has to come later. */
const LEFT_PAUSE_MS = 300
const REFUSED_PAUSE_MS = 20

export function clientsOf ({ clients }: Size, teams: readonly TeamScene[]): Client[] {
  return teams.flatMap((team) => Array.from({ length: Math.max(1, Math.round(clients * team.share)) }, (_, place) => ({ name: `${team.id}-${place}`, team })))
}

/** All clients at once, each through its plan, which is the same for the same seed. */
export function createLoad (clients: readonly Client[], size: Size, { fleet, secretOf, seed, signal }: LoadDeps): Load {
  const random = randomFrom(seed)
  const plans = clients.map((client, place) => ({ client, plan: planFor(client.name, partOf(size.requests, place, clients.length), random) }))
  const planned = new Map(plans.flatMap(({ plan }) => plan.map((one) => [one.chat.marker, one] as const)))
  const sendings = new Map<string, Sending>()
  const agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 })
  const next = byTurns(fleet)
  let done = 0

  async function seatToTake (): Promise<Seat> {
    let seat = next()
    await until('some gateway takes requests', SEAT_TIMEOUT_MS, () => (seat ??= next()) !== undefined)
    return seat as Seat
  }

  async function sendOnce (one: Planned, client: Client, tries: number): Promise<Told['how']> {
    const seat = await seatToTake()
    const marker = `${one.chat.marker}.${tries}`
    const servedBy = lifeOf(seat)
    const startMs = Date.now()
    seat.inFlight++
    const told = await ask({ ...one, chat: { ...one.chat, marker } }, { url: seat.url, key: secretOf(client) }, agent)
    seat.inFlight--
    sendings.set(marker, { ...told, marker, planned: one, client, servedBy, startMs })
    if (told.requestId === undefined) await pause(LEFT_PAUSE_MS)
    return told.how
  }

  return {
    clients,
    sendings,
    plannedFor: (marker) => planned.get(marker.slice(0, marker.lastIndexOf('.'))),
    get done () { return done },
    async run () {
      await Promise.all(plans.map(async ({ client, plan }) => {
        for (const one of plan) {
          for (let tries = 0; tries < TRIES_MAX && !signal.aborted; tries++) {
            const how = await sendOnce(one, client, tries)
            if (how === 'refused') await pause(REFUSED_PAUSE_MS)
            if (how !== 'unavailable') break
            await pause(RETRY_PAUSE_MS)
          }
          done++
        }
      }))
      await agent.destroy()
    }
  }
}

/** So that the parts add up to the whole. */
function partOf (whole: number, place: number, parts: number): number {
  return Math.floor(whole * (place + 1) / parts) - Math.floor(whole * place / parts)
}
