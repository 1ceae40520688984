import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { randomFrom } from './random.ts'
import type { AddressInfo, Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'

/**
 * What a wire does: `open` carries everything; `deaf` carries what the gateway says and none of the answers; `down` refuses
 * connections and carries nothing.
 */
export type WireMode = 'open' | 'deaf' | 'down'

/** A wire of its own from each gateway to Redis, in a thread of their own, so that nothing else delays what they carry. */
export interface Wires {
  /** Where each gateway finds Redis. */
  readonly ports: readonly number[]
  setMode (wire: number, mode: WireMode): void
  startCutting (): void
  /** @returns how many connections were cut */
  stopCutting (): Promise<Cuts>
  close (): Promise<void>
}

/**
 * Connections that were destroyed: at any moment, as a command came (which Redis then never saw), or as an answer came (to a
 * command that Redis has carried out).
 */
export interface Cuts { anytime: number, command: number, answer: number }

interface WiresData { readonly redisPort: number, readonly wires: number, readonly cutIntervalMs: number, readonly seed: number }

export async function startWires (data: WiresData): Promise<Wires> {
  const worker = new Worker(new URL(import.meta.url), { workerData: data })
  const [ports] = await once(worker, 'message') as [number[]]
  return {
    ports,
    setMode (wire, mode) { worker.postMessage({ wire, mode }) },
    startCutting () { worker.postMessage('start') },
    async stopCutting () {
      worker.postMessage('stop')
      const [cuts] = await once(worker, 'message') as [Cuts]
      return cuts
    },
    async close () { await worker.terminate() }
  }
}

interface Link { readonly gateway: Socket, readonly redis: Socket, readonly wire: Wire, cut: keyof Cuts | undefined }
interface Wire { mode: WireMode }

if (!isMainThread && parentPort !== null) await carryAll(workerData as WiresData, parentPort)

async function carryAll ({ redisPort, wires: count, cutIntervalMs, seed }: WiresData, port: MessagePort): Promise<void> {
  const random = randomFrom(seed)
  const links = new Set<Link>()
  const cuts: Cuts = { anytime: 0, command: 0, answer: 0 }
  const wires = Array.from({ length: count }, (): Wire => ({ mode: 'open' }))

  function end (link: Link, how?: keyof Cuts): void {
    if (how !== undefined && links.has(link)) cuts[how]++
    links.delete(link)
    link.gateway.destroy()
    link.redis.destroy()
  }

  function carry (gateway: Socket, wire: Wire): void {
    if (wire.mode === 'down') {
      gateway.destroy()
      return
    }
    const redis = connect(redisPort, '127.0.0.1')
    const link: Link = { gateway, redis, wire, cut: undefined }
    links.add(link)
    for (const socket of [gateway, redis]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => end(link))
    }
    gateway.on('data', (bytes) => {
      if (link.cut === 'command') end(link, 'command')
      else redis.write(bytes)
    })
    redis.on('data', (bytes) => {
      if (link.cut === 'answer') end(link, 'answer')
      else if (wire.mode === 'open') gateway.write(bytes)
    })
  }

  function cutOne (): void {
    const link = [...links].filter(({ wire, cut }) => wire.mode === 'open' && cut === undefined)[Math.floor(random() * links.size)]
    const how = (['anytime', 'command', 'answer'] as const)[Math.floor(random() * 3)]
    if (link === undefined || how === undefined) return
    if (how === 'anytime') end(link, how)
    else link.cut = how
  }

  let timer: NodeJS.Timeout | undefined

  port.on('message', (message: 'start' | 'stop' | { wire: number, mode: WireMode }) => {
    if (message === 'start') {
      timer = setInterval(cutOne, cutIntervalMs)
      return
    }
    if (message === 'stop') {
      clearInterval(timer)
      for (const link of links) link.cut = undefined
      port.postMessage(cuts)
      return
    }
    const wire = wires[message.wire]
    if (wire === undefined) return
    wire.mode = message.mode
    // Whoever heard nothing for a while would take late answers for those to its next questions.
    for (const link of links) if (link.wire === wire && message.mode !== 'deaf') end(link)
  })
  const servers = wires.map((wire) => createServer((gateway) => carry(gateway, wire)).listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  port.postMessage(servers.map((server) => (server.address() as AddressInfo).port))
}
