import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import type { Test } from 'tap'
import { createClientReply } from '../../src/relay/client-reply.ts'
import type { ClientReply } from '../../src/relay/client-reply.ts'

/** More than the sockets of both sides take unread. */
const UNREAD = Buffer.alloc(32 * 1024 * 1024, 'x')

/** A client that asks and reads nothing, and how the reply to it ended: `finish` or `close`. */
async function unread (t: Test, say: (reply: ClientReply) => void): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const server = createServer((_request, response) => {
    response.once('finish', () => resolve('finish'))
    response.once('close', () => resolve('close'))
    say(createClientReply(response, 'request-1', { writeStallTimeoutMs: 50 }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  return await promise
}

t.test('a client that does not take a whole answer is cut in the end', async (t) => {
  t.equal(await unread(t, (reply) => reply.send(200, 'text/plain', UNREAD)), 'close')
})

t.test('nor does one that leaves the rest of a stream unread hold it for ever', async (t) => {
  t.equal(await unread(t, (reply) => {
    reply.write(UNREAD)
    reply.end()
  }), 'close')
})

t.test('an answer that is taken ends as it should', async (t) => {
  t.equal(await unread(t, (reply) => reply.send(200, 'text/plain', Buffer.from('short'))), 'finish')
})
