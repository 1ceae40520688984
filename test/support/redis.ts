import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { AddressInfo } from 'node:net'
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'

/** A redis-server of a test's own, on the loopback interface, which keeps nothing on disk. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Runs one command over a connection of its own. */
  command (word: string, ...words: readonly (string | number)[]): Promise<unknown>
  kill (signal: NodeJS.Signals): void
  stop (): Promise<void>
}

/** Several of them that are one store. */
export interface RedisServers {
  readonly url: string
  readonly nodes: readonly RedisServer[]
  stop (): Promise<void>
}

const PROGRAMS = ['redis-server', 'valkey-server']
const START_LINES_MAX = 200
const POLL_INTERVAL_MS = 50
const POLLS_MAX = 400
const SLOTS = 16_384

/** For tap's `skip`: false, or that there is no Redis here. The reason goes where those of the clients go. */
export async function reasonToSkipRedis (): Promise<string | false> {
  if (program() !== undefined) return false
  const reason = `Redis: neither ${PROGRAMS.join(' nor ')} is installed`
  if (process.env['DASHGATE_SKIP_FORBIDDEN'] === '1') throw new Error(reason)
  const skippedFile = process.env['DASHGATE_SKIPPED_FILE']
  if (skippedFile !== undefined) await appendFile(skippedFile, reason + '\n')
  return reason
}

function program (): string | undefined {
  return PROGRAMS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

/** @param options more of redis-server's command line, such as `'--maxmemory', '10mb'` */
export async function startRedis (...options: readonly string[]): Promise<RedisServer> {
  return await start(async (port) => [
    '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', ...options
  ])
}

/** Three masters, each with a third of the slots. */
export async function startRedisCluster (): Promise<RedisServers> {
  const nodes = await Promise.all([0, 1, 2].map(async () => {
    const busPort = await freePort()
    const node = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000')
    return { ...node, busPort }
  }))
  const [first] = nodes
  for (const [index, node] of nodes.entries()) {
    const slotFrom = (part: number): number => Math.floor(part * SLOTS / nodes.length)
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    await node.command('CLUSTER', 'ADDSLOTSRANGE', slotFrom(index), slotFrom(index + 1) - 1)
    if (node !== first) await first?.command('CLUSTER', 'MEET', '127.0.0.1', node.port, node.busPort)
  }
  await until('the cluster is whole', async () => {
    const states = await Promise.all(nodes.map(async (node) => String(await node.command('CLUSTER', 'INFO'))))
    return states.every((state) => /cluster_state:ok/.test(state) && /cluster_known_nodes:3/.test(state))
  })
  return {
    nodes,
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async stop () { await Promise.all(nodes.map((node) => node.stop())) }
  }
}

/** A master, its replica, and a Sentinel that names the replica the new master once the old one is gone. */
export async function startRedisSentinel (): Promise<RedisServers> {
  const master = await startRedis()
  const replica = await startRedis('--replicaof', '127.0.0.1', String(master.port))
  const sentinel = await start(async (port, folder) => {
    const lines = [
      `port ${port}`, 'bind 127.0.0.1', `sentinel monitor limits 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds limits 300', 'sentinel failover-timeout limits 1000'
    ]
    await writeFile(join(folder, 'sentinel.conf'), lines.join('\n'))
    return [join(folder, 'sentinel.conf'), '--sentinel']
  })
  await until('the Sentinel knows the replica', async () => {
    const [linked, known] = [String(await replica.command('INFO', 'replication')), String(await sentinel.command('INFO', 'sentinel'))]
    return /master_link_status:up/.test(linked) && /slaves=1/.test(known)
  })
  return {
    nodes: [master, replica],
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/limits`,
    async stop () { await Promise.all([sentinel, replica, master].map((node) => node.stop())) }
  }
}

/** Asks again and again, for 20 s at most. */
export async function until (what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    if (await isSo()) return
    await pause(POLL_INTERVAL_MS)
  }
  throw new Error(`it did not come about that ${what}`)
}

async function start (argumentsFor: (port: number, folder: string) => Promise<readonly string[]>): Promise<RedisServer> {
  const name = program()
  if (name === undefined) throw new Error('there is no redis-server')
  const [port, folder] = await Promise.all([freePort(), mkdtemp(join(tmpdir(), 'dashgate-redis-'))])
  const child = spawn(name, await argumentsFor(port, folder), { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  running.add(child)
  endWithProcess()
  await ready(child.stdout)
  // Without looking first: a server that is in trouble is asked too.
  const connection = new Redis({ port, host: '127.0.0.1', protocol: 2, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true })
  connection.on('error', () => {})
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    command: async (word, ...words) => await connection.call(word, ...words),
    kill (signal) { child.kill(signal) },
    async stop () {
      connection.disconnect()
      child.kill('SIGKILL')
      await closed
      running.delete(child)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

const running = new Set<ChildProcess>()
let isWatching = false

/** A test that is ended in the middle must not leave its servers behind; a signal by itself would end it without a word. */
function endWithProcess (): void {
  if (isWatching) return
  isWatching = true
  process.once('exit', () => { for (const child of running) child.kill('SIGKILL') })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => { process.exit(1) })
}

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function ready (output: Readable): Promise<void> {
  const lines: string[] = []
  const reader = createInterface({ input: output })
  for await (const line of reader) {
    lines.push(line)
    if (/Ready to accept connections|Sentinel ID is/.test(line)) break
    if (lines.length >= START_LINES_MAX) break
  }
  if (!/Ready|Sentinel ID/.test(lines.at(-1) ?? '')) throw new Error(`redis-server did not start:\n${lines.join('\n')}`)
  // What nobody reads would fill the pipe.
  output.resume()
}
