import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'

/** An OpenAI-compatible upstream whose streams say one word and then wait to be told to end. */
export interface HeldUpstream {
  readonly baseUrl: string
  /** Streams that wait. */
  readonly waiting: number
  /** Connections that stand, in use or idle. */
  readonly connections: number
  release (): void
}

export async function startHeldUpstream (t: Test): Promise<HeldUpstream> {
  const waiting = new Set<ServerResponse>()
  const sockets = new Set<Socket>()
  // A connection that is idle is left for the gateway to close.
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'word' }, finish_reason: null }] }))
      waiting.add(response)
      response.once('close', () => waiting.delete(response))
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get waiting () { return waiting.size },
    get connections () { return sockets.size },
    release () {
      for (const response of waiting) {
        response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }))
        response.end(`${chunk({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } })}data: [DONE]\n\n`)
      }
    }
  }
}

function chunk (members: object): string {
  return `data: ${JSON.stringify({ id: 'chatcmpl-0af7651916cd43dd', object: 'chat.completion.chunk', created: 1, model: 'm', ...members })}\n\n`
}
