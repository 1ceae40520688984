import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from '../../cli/process.ts'
import { until } from './patience.ts'
import type { Launched } from '../../cli/process.ts'

/** One gateway, over all of its lives. */
export interface Seat {
  readonly place: number
  url: string
  adminUrl: string
  /** Whether new requests are sent to it. */
  isTaking: boolean
  /** Requests of our clients that are under way in it. */
  inFlight: number
  /** Its present life, from 0. */
  life: number
  /** Lives that were ended by force. */
  readonly killed: number[]
  /** What it wrote in all of its lives. */
  readonly logs: string[]
  /** Undefined while it is dead. */
  process: Launched | undefined
}

export interface Fleet {
  readonly seats: readonly Seat[]
  /** Kills it without a word. */
  kill (seat: Seat): Promise<void>
  /** Asks it to end. @returns its exit code */
  terminate (seat: Seat): Promise<number | null>
  /** Starts it again on its own data folder, and sends requests to it once it is ready. */
  restart (seat: Seat): Promise<void>
  close (): Promise<void>
}

export interface FleetOptions {
  /** Every gateway has a folder of its own in it: see `folderOf`. */
  readonly folder: string
  /** The configuration of all of them. */
  readonly yaml: string
  /** For each gateway, what its environment has beside what all have. */
  readonly environments: readonly Readonly<Record<string, string>>[]
}

const ADMIN_TOKEN = 'the-admin-token-of-all-gateways-of-the-fleet'
const SECRET = 'the-secret-that-all-gateways-of-the-fleet-share'
const READY_TIMEOUT_MS = 30_000

/** Where a gateway runs, and has its configuration. */
function folderOf ({ folder }: Pick<FleetOptions, 'folder'>, place: number): string {
  return join(folder, String(place))
}

/** Where a gateway keeps what outlives it. */
export function dataFolderOf (options: Pick<FleetOptions, 'folder'>, place: number): string {
  return join(folderOf(options, place), 'data')
}

/** Which life of which gateway takes a request. */
export function lifeOf ({ place, life }: Pick<Seat, 'place' | 'life'>): string {
  return `${place}.${life}`
}

/** All lives that were ended by force. */
export function killedLives ({ seats }: Pick<Fleet, 'seats'>): Set<string> {
  return new Set(seats.flatMap(({ place, killed }) => killed.map((life) => lifeOf({ place, life }))))
}

/** Real processes on data folders of their own, with one secret. */
export async function startFleet (options: FleetOptions): Promise<Fleet> {
  const seats = options.environments.map((_, place): Seat => ({
    place, url: '', adminUrl: '', isTaking: false, inFlight: 0, life: 0, killed: [], logs: [], process: undefined
  }))

  async function end (seat: Seat, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const { process } = seat
    if (process === undefined) return 0
    seat.isTaking = false
    seat.process = undefined
    if (signal === 'SIGKILL') seat.killed.push(seat.life)
    const code = await process.stop(signal)
    seat.logs.push(process.output.stdout, process.output.stderr)
    return code
  }

  async function begin (seat: Seat): Promise<void> {
    seat.process = start(seat.place, options)
    const facts = JSON.parse(await seat.process.line(/openai_base_url/)) as { openai_base_url: string, admin_url: string }
    seat.url = new URL(facts.openai_base_url).origin
    seat.adminUrl = facts.admin_url
    await until('the gateway is ready', READY_TIMEOUT_MS, async () => (await fetch(`${seat.adminUrl}/readyz`)).ok)
    seat.isTaking = true
  }

  // A test that ends in the middle must not leave them behind.
  const killAll = (): void => { for (const seat of seats) seat.process?.process.kill('SIGKILL') }
  process.once('exit', killAll)
  async function close (): Promise<void> {
    await Promise.all(seats.map((seat) => end(seat, 'SIGKILL')))
    process.off('exit', killAll)
  }
  for (const { place } of seats) {
    await mkdir(folderOf(options, place))
    await writeFile(join(folderOf(options, place), 'dashgate.yaml'), options.yaml)
  }
  try {
    await Promise.all(seats.map(begin))
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    seats,
    async kill (seat) { await end(seat, 'SIGKILL') },
    terminate: (seat) => end(seat, 'SIGTERM'),
    async restart (seat) {
      seat.life++
      await begin(seat)
    },
    close
  }
}

function start (place: number, options: FleetOptions): Launched {
  return launch(['start', '--port', '0', '--admin-port', '0', '--json'], {
    folder: folderOf(options, place),
    environment: {
      DASHGATE_SECRET: SECRET,
      DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN,
      DASHGATE_BOOTSTRAP_KEY: 'sk-of-nobody-in-this-fleet',
      LOG_LEVEL: 'warn',
      ...options.environments[place]
    }
  })
}

/** @throws Error for any answer but a good one */
export async function adminCall<T> ({ adminUrl }: Seat, path: string, body?: object): Promise<T> {
  const response = await fetch(`${adminUrl}/admin/v1${path}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return await response.json() as T
}

/** The gateway's own figures by name, those of one name added up over their labels. */
export async function metricsOf ({ adminUrl }: Seat): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  const figures = new Map<string, number>()
  for (const [, name = '', value] of text.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) figures.set(name, (figures.get(name) ?? 0) + Number(value))
  return figures
}

/** The figures of all gateways that are alive, added up. */
export async function figuresOf ({ seats }: Pick<Fleet, 'seats'>): Promise<Map<string, number>> {
  const sums = new Map<string, number>()
  for (const figures of await Promise.all(seats.filter(({ process }) => process !== undefined).map(metricsOf))) {
    for (const [name, value] of figures) sums.set(name, (sums.get(name) ?? 0) + value)
  }
  return sums
}

/** The settlements that wait in a gateway's spool. */
export const PENDING = 'dashgate_spool_pending'
