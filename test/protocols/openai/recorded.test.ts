import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readJsonBody } from '../../../src/core/body.ts'
import { openai } from '../../../src/protocols/openai/index.ts'
import { opened, targetWith } from './samples.ts'

interface Recorded { readonly path: string, readonly headers: Readonly<Record<string, string>>, readonly bodyText?: string }

const FOLDER = join(import.meta.dirname, '../../fixtures/recorded')
const CHAT = openai.surface.chatPaths

function recordings (): [string, Recorded][] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).flatMap((name) =>
    (JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded[])
      .filter(({ path, bodyText }) => CHAT.includes(path) && bodyText !== undefined)
      .map((recorded): [string, Recorded] => [name, recorded]))
}

t.test('opens and relays what unmodified clients send, unchanged but for the usage of streams and content that is null', async t => {
  const found = recordings()
  t.ok(found.length >= 10, `${found.length} recordings`)
  for (const [name, { path, headers, bodyText = '' }] of found) {
    const call = { path, headers, body: readJsonBody(Buffer.from(bodyText), openai.surface.recordedMembers) }
    const openedCall = opened(call)
    const target = targetWith({}, openedCall.envelope.model)
    const relayed = openai.dialect.relayRequest(call, openedCall, target, { outputTokensMax: undefined })
    const original = JSON.parse(bodyText)
    const asked = openedCall.envelope.stream ? { stream: true, stream_options: { include_usage: true } } : {}
    const messages = original.messages.map((message: { content: unknown }) => ({ ...message, content: message.content ?? '' }))
    t.strictSame(JSON.parse(relayed?.body.toString() ?? ''), { ...original, ...asked, messages }, name)
    t.equal(openedCall.envelope.prompt().messages.length, original.messages.length, name)
  }
})
