import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { openai } from '../../src/protocols/openai/index.ts'
import type { Upstream } from '../../src/core/catalog.ts'

export interface Listening { readonly server: Server, readonly upstream: Upstream }

/** A server of this test's own on the loopback, and the upstream that leads there. */
export async function serve (t: Test, listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, upstream: upstreamAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`) }
}

export function upstreamAt (baseUrl: string, connectTimeoutMs = 1_000): Upstream {
  return {
    name: 'up', protocol: openai, baseUrl, keys: [], timeouts: { connectTimeoutMs, firstByteTimeoutMs: 5_000, idleTimeoutMs: 10_000, totalTimeoutMs: 60_000 }
  }
}
