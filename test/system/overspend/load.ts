import { pause } from '../../support/fleet/patience.ts'
import { planFor } from './plan.ts'
import { randomFrom } from '../../support/fleet/random.ts'
import type { Chat } from '../../support/fleet/chat.ts'
import type { Outcome } from './client.ts'
import type { Size, TeamScene } from './scene.ts'

/** One client, which makes one request at a time. Its name is in its markers. */
export interface Client {
  readonly name: string
  readonly team: TeamScene
  /** Chooses among gateways. */
  readonly number: number
}

/** One sending of a request, from its client's side. */
export interface Sending extends Outcome {
  readonly marker: string
  readonly client: string
  /** Which life of which gateway; undefined where none took it. */
  readonly servedBy: string | undefined
  readonly startMs: number
  readonly endMs: number
}

export type Send = (asked: Chat, client: Client) => Promise<Outcome & Pick<Sending, 'servedBy'>>

/** A request that finds no place is sent again at most so often. */
const TRIES_MAX = 15
/** What the gateway says in Retry-After where waiting helps, and little where a budget refused, which is to be fought for. */
const RETRY_PAUSE_MS = 1_000
const NO_BUDGET_PAUSE_MS = 150
const PAUSE_MS_SPAN = 300

export function clientsOf ({ streams }: Size, teams: readonly TeamScene[], prefix: string): Client[] {
  const clients: Client[] = []
  for (const team of teams) {
    for (let place = 0; place < Math.floor(streams / teams.length); place++) {
      clients.push({ name: `${prefix}-${team.id}-${place}`, team, number: clients.length })
    }
  }
  return clients
}

export interface LoadDeps { readonly send: Send, readonly seed: number, readonly signal: AbortSignal }

/** All clients at once, each through its plan, which is the same for the same seed. */
export async function runLoad (clients: readonly Client[], size: Size, { send, seed, signal }: LoadDeps): Promise<Sending[]> {
  const random = randomFrom(seed)
  const plans = clients.map((client) => ({ client, plan: planFor(client.name, size.requestsPerStream, random) }))
  const sendings: Sending[] = []
  async function sendOnce (asked: Chat, client: Client, tries: number): Promise<Outcome['status']> {
    const marker = `${asked.marker}.${tries}`
    const startMs = Date.now()
    const outcome = await send({ ...asked, marker }, client)
    sendings.push({ ...outcome, marker, client: client.name, startMs, endMs: Date.now() })
    return outcome.status
  }
  await Promise.all(plans.map(async ({ client, plan }) => {
    for (const asked of plan) {
      for (let tries = 0; tries < TRIES_MAX && !signal.aborted; tries++) {
        const status = await sendOnce(asked, client, tries)
        if (status === 'answered' || status === 'broken' || status === 'failed') break
        await pause((status === 'no_budget' ? NO_BUDGET_PAUSE_MS : RETRY_PAUSE_MS) + random() * PAUSE_MS_SPAN)
        if (status === 'no_budget') break
      }
    }
  }))
  return sendings
}
