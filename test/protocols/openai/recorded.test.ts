import t from 'tap'
import { openai } from '../../../src/protocols/openai/index.ts'
import { recordingsOf } from '../../support/recordings.ts'
import { opened, targetWith } from './samples.ts'

t.test('opens and relays what unmodified clients send, unchanged but for the usage of streams and content that is null', async t => {
  const found = recordingsOf(openai)
  t.ok(found.length >= 10, `${found.length} recordings`)
  for (const { name, call, document } of found) {
    const openedCall = opened(call)
    const target = targetWith({}, openedCall.envelope.model)
    const relayed = openai.dialect.relayRequest(call, openedCall, target, { outputTokensMax: undefined })
    const asked = openedCall.envelope.stream ? { stream: true, stream_options: { include_usage: true } } : {}
    const messages = document['messages'].map((message: { content: unknown }) => ({ ...message, content: message.content ?? '' }))
    t.strictSame(JSON.parse(relayed?.body.toString() ?? ''), { ...document, ...asked, messages }, name)
    t.strictSame(relayed?.ignoredParameters, [], name)
    t.equal(openedCall.envelope.prompt().messages.length, document['messages'].length, name)
  }
})
