import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { AddressInfo, Socket } from 'node:net'

/** How all is carried: as it comes; not at all, be it that connections break or that nothing is ever said; late; or byte by byte. */
export type Carriage = 'open' | 'refusing' | 'silent' | 'bytewise' | { readonly delayMs: number }

/**
 * What becomes of a command: the connection breaks before it gets there, or after it was carried out and before the answer
 * comes; or something else is carried in its place, once for each command that was sent along.
 */
export type Fault = 'drop' | 'swallow' | { readonly instead: string }

export interface FaultProxy {
  readonly port: number
  /** Where new connections lead. */
  targetPort: number
  carriage: Carriage
  /** Every connection breaks now. */
  cut (): void
  /** The next `times` commands that look like this meet a fault. @returns how many have met it so far */
  meet (command: RegExp, fault: Fault, times?: number): () => number
  /** Nothing else meets a fault. */
  mend (): void
  close (): Promise<void>
}

interface Ambush { readonly command: RegExp, readonly fault: Fault, readonly times: number, met: number }

export async function startFaultProxy (targetPort: number): Promise<FaultProxy> {
  let ambushes: Ambush[] = []
  const links = new Set<() => void>()
  const server = createServer({ noDelay: true }, carry).listen(0, '127.0.0.1')
  await once(server, 'listening')

  function faultOf (command: string): Fault | undefined {
    const ambush = ambushes.find((one) => one.met < one.times && one.command.test(command))
    if (ambush !== undefined) ambush.met++
    return ambush?.fault
  }

  function carry (client: Socket): void {
    const target = connect({ port: proxy.targetPort, host: '127.0.0.1', noDelay: true })
    const [toTarget, toClient] = [deliverTo(target), deliverTo(client)]
    let isSwallowing = false
    const breakOff = (): void => {
      links.delete(breakOff)
      client.resetAndDestroy()
      target.destroy()
    }
    links.add(breakOff)
    for (const socket of [client, target]) socket.on('error', () => undefined).on('close', breakOff)
    if (proxy.carriage === 'refusing') return breakOff()
    client.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      const fault = faultOf(text)
      if (fault === 'drop') return breakOff()
      if (fault === 'swallow') isSwallowing = true
      toTarget(typeof fault === 'object' ? Buffer.from(fault.instead.repeat(text.match(/^\*\d+\r$/gm)?.length ?? 1)) : bytes)
    })
    target.on('data', (bytes) => {
      if (isSwallowing) breakOff()
      else toClient(bytes)
    })
  }

  /** Whatever comes late, bytes never overtake each other. */
  function deliverTo (socket: Socket): (bytes: Buffer) => void {
    let before = Promise.resolve()
    return (bytes) => {
      const { carriage } = proxy
      if (carriage === 'silent') return
      const delay = typeof carriage === 'object' ? pause(carriage.delayMs) : undefined
      before = Promise.all([before, delay]).then(() => {
        for (const piece of carriage === 'bytewise' ? Array.from(bytes, (byte) => Buffer.of(byte)) : [bytes]) socket.write(piece)
      })
    }
  }

  const proxy: FaultProxy = {
    port: (server.address() as AddressInfo).port,
    targetPort,
    carriage: 'open',
    cut () { for (const breakOff of links) breakOff() },
    meet (command, fault, times = 1) {
      const ambush = { command, fault, times, met: 0 }
      ambushes.push(ambush)
      return () => ambush.met
    },
    mend () { ambushes = [] },
    async close () {
      server.close()
      proxy.cut()
      await once(server, 'close')
    }
  }
  return proxy
}
