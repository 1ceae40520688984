import t from 'tap'
import { dashscope } from '../../../src/protocols/dashscope/index.ts'
import { recordingsOf } from '../../support/recordings.ts'
import { MULTIMODAL_PATH, opened, targetWith } from './samples.ts'

t.test('opens and relays what unmodified clients send, unchanged but for the Python SDK\'s stream', async t => {
  const found = recordingsOf(dashscope)
  t.ok(found.length >= 20, `${found.length} recordings`)
  for (const { name, call, document } of found) {
    const openedCall = opened(call)
    const nativeService = call.path === MULTIMODAL_PATH ? 'multimodal-generation' : 'text-generation'
    const target = targetWith({ nativeService }, openedCall.envelope.model)
    const relayed = dashscope.dialect.relayRequest(call, openedCall, target, { outputTokensMax: undefined })?.body
    const { stream, ...parameters } = document['parameters'] ?? {}
    t.strictSame(JSON.parse(relayed?.toString() ?? ''), { ...document, ...(stream === undefined ? {} : { parameters }) }, name)
    t.equal(relayed === call.body.bytes, stream === undefined, `${name} is sent as it came`)
    t.equal(openedCall.envelope.stream, /stream|sse/.test(name), `${name} streams`)
    t.ok(openedCall.envelope.prompt().messages.length > 0, name)
  }
})
