import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readJsonBody } from '../../../src/core/body.ts'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { MULTIMODAL_PATH, opened, targetWith } from './samples.ts'

interface Recorded { readonly path: string, readonly headers: Readonly<Record<string, string>>, readonly bodyText?: string }

const FOLDER = join(import.meta.dirname, '../../fixtures/recorded')

function recordings (): [string, Recorded][] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).flatMap((name) =>
    (JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Recorded[])
      .filter(({ path, bodyText }) => dashscope.surface.chatPaths.includes(path) && bodyText !== undefined)
      .map((recorded): [string, Recorded] => [name, recorded]))
}

t.test('opens and relays what unmodified clients send, unchanged but for the Python SDK\'s stream', async t => {
  const found = recordings()
  t.ok(found.length >= 20, `${found.length} recordings`)
  for (const [name, { path, headers, bodyText = '' }] of found) {
    const call = { path, headers, body: readJsonBody(Buffer.from(bodyText), dashscope.surface.recordedMembers) }
    const openedCall = opened(call)
    const nativeService = path === MULTIMODAL_PATH ? 'multimodal-generation' : 'text-generation'
    const target = targetWith({ nativeService }, openedCall.envelope.model)
    const relayed = dashscope.dialect.relayRequest(call, openedCall, target, { outputTokensMax: undefined })?.body
    const original = JSON.parse(bodyText)
    const { stream, ...parameters } = original.parameters ?? {}
    t.strictSame(JSON.parse(relayed?.toString() ?? ''), { ...original, ...(stream === undefined ? {} : { parameters }) }, name)
    t.equal(relayed === call.body.bytes, stream === undefined, `${name} is sent as it came`)
    t.equal(openedCall.envelope.stream, /stream|sse/.test(name), `${name} streams`)
    t.ok(openedCall.envelope.prompt().messages.length > 0, name)
  }
})
