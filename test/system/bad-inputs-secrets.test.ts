import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask, openSocket } from '../http/wire.ts'
import { startGateway } from '../support/gateway.ts'
import { startHostileUpstream } from '../fixtures/bad-inputs/hostile-upstream.ts'
import type { Gateway } from '../support/gateway.ts'

const PROMPT = 'canary-in-a-prompt'
const ANSWER = 'canary-in-an-answer'
const WRONG_KEY = 'sk-canary-of-a-wrong-key'
const UPSTREAM_KEY = 'sk-upstream-key-of-the-tests'

/** Bodies and faults that bring a request to each of its ends. */
const ENDS: ReadonlyArray<{ readonly fault: string, readonly status: number, readonly body?: object }> = [
  { fault: 'delay=1', status: 200 },
  { fault: 'delay=1', status: 200, body: { stream: true } },
  { fault: 'error=400', status: 400 },
  { fault: 'error=500', status: 502 },
  { fault: 'unauthorized', status: 502 },
  { fault: 'ok-error', status: 502 },
  { fault: 'reset=2', status: 200, body: { stream: true } },
  { fault: 'malformed=2', status: 200, body: { stream: true } },
  { fault: '', status: 400, body: { temperature: PROMPT } },
  { fault: '', status: 400, body: { stop: { [PROMPT]: PROMPT } } },
  { fault: '', status: 404, body: { model: PROMPT } }
]

for (const upstreamProtocol of ['openai', 'dashscope'] as const) {
  t.test(`no key, prompt or answer is kept anywhere, before an upstream that speaks ${upstreamProtocol}`, async (t) => {
    const author = (): { reasoning: string, content: string, toolCalls: [] } => ({ reasoning: '', content: `${ANSWER} and more`, toolCalls: [] })
    const gateway = await startGateway({ upstreamProtocol, simulator: { author } })
    t.teardown(() => gateway.close())
    for (const { fault, status, body } of ENDS) {
      if (fault !== '') gateway.simulator.enqueue(fault)
      const answer = await chat(gateway, gateway.apiKey, body)
      t.equal(answer.status, status, `${fault} ${JSON.stringify(body)} ${answer.text.slice(0, 200)}`)
    }
    t.equal((await chat(gateway, WRONG_KEY)).status, 401)
    await abort(gateway)
    t.same(await leaksOf(gateway), [])
    t.ok(gateway.logLines.length >= ENDS.length, 'there is a log to be searched')
  })
}

t.test('what an upstream blurts out is not kept either', async (t) => {
  const hostile = await startHostileUpstream()
  const gateway = await startGateway({ upstreamProtocol: 'openai', upstreamOrigin: hostile.origin })
  t.teardown(async () => await Promise.all([gateway.close(), hostile.close()]))
  const error = JSON.stringify({ error: { message: `Bad key ${UPSTREAM_KEY} for ${PROMPT}`, type: 'x', param: null, code: PROMPT } })
  for (const status of [200, 400, 401, 429, 500]) {
    hostile.answerWith({ status, headers: { 'content-type': 'application/json', 'x-request-id': 'r' }, body: error })
    const { text } = await chat(gateway, gateway.apiKey)
    t.notMatch(text, UPSTREAM_KEY, `an upstream's ${status} does not tell the client our key`)
  }
  t.same(await leaksOf(gateway), [])
})

async function chat (gateway: Gateway, key: string, body: object = {}): ReturnType<typeof ask> {
  return await ask(`${gateway.openaiBaseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': PROMPT },
    body: JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: PROMPT }], ...body })
  })
}

/** Leaves in the middle of a stream, and waits until the gateway has noticed and settled. */
async function abort (gateway: Gateway): Promise<void> {
  gateway.simulator.enqueue('stall=2')
  const body = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: PROMPT }], stream: true })
  const raw = await openSocket(gateway.url)
  raw.socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${gateway.apiKey}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`)
  await raw.until((heard) => heard.includes('data:'))
  raw.socket.resetAndDestroy()
  while (!gateway.logLines.some((line) => line.includes('client_closed'))) await new Promise((resolve) => setImmediate(resolve))
}

/** Where a secret stands that should not. */
async function leaksOf (gateway: Gateway): Promise<string[]> {
  // Asking for a record makes the ledger write what it still holds.
  await ask(`${gateway.url}/dashgate/v1/requests/none`, { headers: { authorization: `Bearer ${gateway.apiKey}` } })
  const places: Array<readonly [string, string]> = [
    ['log', gateway.logLines.join('')],
    ['metrics', (await ask(`${gateway.adminUrl}/metrics`)).text],
    ...readdirSync(gateway.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) =>
      [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')] as const)
  ]
  if (!places.some(([place]) => place.endsWith('.db') || place.endsWith('.sqlite'))) throw new Error(`no database among ${places.map(([place]) => place).join()}`)
  return places.flatMap(([place, text]) => [PROMPT, ANSWER, WRONG_KEY, UPSTREAM_KEY, gateway.apiKey].filter((secret) => text.includes(secret))
    .map((secret) => `${secret} in ${place}: ${text.slice(Math.max(0, text.indexOf(secret) - 200), text.indexOf(secret) + 50)}`))
}
