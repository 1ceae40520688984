import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from '../../cli/process.ts'
import { MODELS } from './scene.ts'
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
  /** Its present life, from 0. It was killed at the end of each that is over. */
  life: number
  /** What it wrote in all of its lives. */
  readonly logs: string[]
  /** Undefined while it is dead. */
  process: Launched | undefined
}

export interface Fleet {
  readonly seats: readonly Seat[]
  /** Kills it without a word. */
  kill (seat: Seat): Promise<void>
  /** Starts it again on its own data folder, and sends requests to it once it is ready. */
  restart (seat: Seat): Promise<void>
  close (): Promise<void>
}

export interface FleetOptions {
  readonly folder: string
  readonly simulatorUrl: string
  /** For each gateway, where it finds Redis. */
  readonly redisPorts: readonly number[]
}

export const UPSTREAM_KEY = 'sk-what-all-gateways-use-upstream'
const ADMIN_TOKEN = 'the-admin-token-of-all-gateways-of-the-proof'
const SECRET = 'the-secret-that-all-gateways-of-the-proof-share'
const READY_TIMEOUT_MS = 30_000

/** Real processes on data folders of their own, with one secret and one Redis. */
export async function startFleet (options: FleetOptions): Promise<Fleet> {
  const seats = options.redisPorts.map((_, place): Seat => ({
    place, url: '', adminUrl: '', isTaking: false, inFlight: 0, life: 0, logs: [], process: undefined
  }))

  async function kill (seat: Seat): Promise<void> {
    const { process } = seat
    if (process === undefined) return
    seat.isTaking = false
    seat.process = undefined
    await process.stop('SIGKILL')
    seat.logs.push(process.output.stdout, process.output.stderr)
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
    await Promise.all(seats.map(kill))
    process.off('exit', killAll)
  }
  for (const { place } of seats) {
    await mkdir(join(options.folder, String(place)))
    await writeFile(join(options.folder, String(place), 'dashgate.yaml'), yamlFor(options.simulatorUrl))
  }
  try {
    await Promise.all(seats.map(begin))
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    seats,
    kill,
    async restart (seat) {
      seat.life++
      await begin(seat)
    },
    close
  }
}

function start (place: number, { folder, redisPorts }: FleetOptions): Launched {
  return launch(['start', '--port', '0', '--admin-port', '0', '--json'], {
    folder: join(folder, String(place)),
    environment: {
      REDIS_URL: `redis://127.0.0.1:${redisPorts[place]}`,
      DASHGATE_SECRET: SECRET,
      DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN,
      DASHGATE_BOOTSTRAP_KEY: 'sk-of-nobody-in-this-proof',
      LOG_LEVEL: 'warn'
    }
  })
}

function yamlFor (simulatorUrl: string): string {
  const upstream = (name: string, protocol: string, path: string): string =>
    `  - { name: ${name}, protocol: ${protocol}, base_url: "${simulatorUrl}${path}", keys: [${UPSTREAM_KEY}] }`
  const price = (perThousand: number): string => String(perThousand / 1e9)
  return [
    'store: { replicas: 3 }',
    'upstreams:',
    upstream('native', 'dashscope', '/api/v1'),
    upstream('compatible', 'openai', '/compatible-mode/v1'),
    'models:',
    ...MODELS.map((model) => `  - { name: ${model.name}, targets: [{ upstream: ${model.upstream} }], price: { currency: CNY, ` +
      `input_per_1k: ${price(model.inputNanoPer1k)}, output_per_1k: ${price(model.outputNanoPer1k)} } }`)
  ].join('\n')
}

/** @throws Error for any answer but a good one */
export async function adminCall<T> ({ adminUrl }: Seat, path: string, body: object): Promise<T> {
  const response = await fetch(`${adminUrl}/admin/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body)
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
