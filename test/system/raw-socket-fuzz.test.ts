import fc from 'fast-check'
import t from 'tap'
import { ask, openSocket } from '../http/wire.ts'
import { startApp } from '../http/listening-app.ts'

const CHAT = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
const ROUNDS = 20
const SOCKETS_PER_ROUND = 15

/** Pieces that framing attacks are made of. */
const FRAGMENTS = [
  '\r\n', '\n', '\r', '\0', ' ', '\t', ':', ';', ',', '0\r\n\r\n', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: y\r\n',
  'Expect: 100-continue\r\n', 'Upgrade: h2c\r\n', 'HTTP/2.0', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', '%zz', '\u00ff', '{', '"', '\\ud800'
]

interface Edit { readonly place: number, readonly removed: number, readonly fragment: string }

const edits = fc.array(fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.nat(12),
  fragment: fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 4 }))
}), { minLength: 1, maxLength: 4 })

t.test('a request broken anywhere in any way is answered by a refusal at worst', async (t) => {
  const app = await startApp({ limits: { headTimeoutMs: 200, requestTimeoutMs: 400, checkIntervalMs: 20, lingerTimeoutMs: 10 } })
  t.teardown(() => app.close())
  const whole = [
    'POST /v1/chat/completions HTTP/1.1', 'Host: x', 'Content-Type: application/json', `Authorization: Bearer ${app.apiKey}`,
    `Content-Length: ${CHAT.length}`, '', CHAT
  ].join('\r\n')
  const property = fc.asyncProperty(fc.array(edits, { minLength: SOCKETS_PER_ROUND, maxLength: SOCKETS_PER_ROUND }), async (rounds) => {
    const answers = await Promise.all(rounds.map(async (round) => await exchangeThenEnd(app.url, broken(whole, round))))
    for (const heard of answers) {
      const bad = [...heard.matchAll(/HTTP\/1\.1 (\d\d\d)/g)].filter(([, status]) => Number(status) >= 500)
      if (bad.length > 0) throw new Error(heard)
    }
  })
  await fc.assert(property, { numRuns: ROUNDS })
  t.equal((await ask(`${app.url}/livez`)).status, 200, 'the process is alive')
  await app.ended(app.simulator.requests.length)
  const billed = [...app.simulator.billed.values()].reduce((sum, { requests }) => sum + requests, 0)
  t.equal(app.charged.length, billed, 'what the upstream billed is charged, and nothing else')
})

function broken (whole: string, round: readonly Edit[]): Buffer {
  let text = whole
  for (const { place, removed, fragment } of round) {
    const at = Math.floor(place * text.length)
    text = text.slice(0, at) + fragment + text.slice(at + removed)
  }
  return Buffer.from(text, 'latin1')
}

/** Says everything, closes its half, and hears the other out. */
async function exchangeThenEnd (url: string, bytes: Buffer): Promise<string> {
  const raw = await openSocket(url)
  raw.socket.end(bytes)
  return await raw.closed()
}
