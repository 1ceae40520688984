import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { answers, contentOf, meaningOf } from './answers.ts'
import { EVERY_PAIR, EVERY_PROTOCOL, IDENTITY, holds, plainCall } from './protocols.ts'
import { chunksOf, cuts, decoded, relayed, streamOf } from './streams.ts'

for (const protocol of EVERY_PROTOCOL) {
  t.test(`${protocol.name}: decoding what was encoded means the same, however the network cuts it`, async (t) => {
    holds(t, fc.property(answers, cuts, (answer, cuts) => {
      const events = decoded(protocol, chunksOf(streamOf(protocol, answer), cuts))
      assert.deepStrictEqual(meaningOf(events), meaningOf(answer.events))
    }))
  })

  t.test(`${protocol.name}: a whole answer that is read again means the same`, async (t) => {
    holds(t, fc.property(answers, ({ choices, events }) => {
      const body = plainCall(protocol, { choices, stream: false }).renderResponse(events, IDENTITY)
      assert.deepStrictEqual(contentOf(protocol.dialect.parseResponse(body)), contentOf(events))
    }))
  })

  t.test(`${protocol.name}: the byte lane hands a sound stream on byte for byte`, async (t) => {
    holds(t, fc.property(answers, cuts, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean(), (answer, cuts, lineEnd, hasComments) => {
      const plain = streamOf(protocol, answer).toString('utf8')
      const withNoise = (noise: string): Buffer => {
        const noisy = hasComments ? `: open\n\n${plain.replaceAll('\n\n', `\n\n:still there\n\n${noise}`)}` : plain
        return Buffer.from(noisy.replaceAll('\n', lineEnd))
      }
      const stream = withNoise('retry: 10\n\n')
      const { bytes, error } = relayed({ surface: protocol, dialect: protocol }, chunksOf(stream, cuts), answer.choices)
      assert.strictEqual(error, undefined)
      // A field by itself is an empty chunk to OpenAI's SDKs.
      const sound = protocol.name === 'openai' ? withNoise('') : stream
      assert.ok(bytes.equals(sound), `${bytes.toString()}\n--- is not ---\n${sound.toString()}`)
    }))
  })
}

for (const { surface, dialect } of EVERY_PAIR) {
  t.test(`${surface.name} from ${dialect.name}: a stream and the whole answer say the same`, async (t) => {
    holds(t, fc.property(answers, cuts, (answer, cuts) => {
      const stream = relayed({ surface, dialect }, chunksOf(streamOf(dialect, answer), cuts), answer.choices)
      assert.strictEqual(stream.error, undefined)
      const upstreamBody = plainCall(dialect, { choices: answer.choices, stream: false }).renderResponse(answer.events, IDENTITY)
      const wholeBody = plainCall(surface, { choices: answer.choices, stream: false })
        .renderResponse(dialect.dialect.parseResponse(upstreamBody), IDENTITY)
      const streamed = contentOf(decoded(surface, [stream.bytes]))
      assert.deepStrictEqual(streamed, contentOf(surface.dialect.parseResponse(wholeBody)))
      assert.deepStrictEqual(streamed, contentOf(answer.events))
    }))
  })

  t.test(`${surface.name} from ${dialect.name}: a stream that only ever streams is collected to the same answer`, async (t) => {
    holds(t, fc.property(answers, cuts, (answer, cuts) => {
      const events = decoded(dialect, chunksOf(streamOf(dialect, answer), cuts))
      const body = plainCall(surface, { choices: answer.choices, stream: false }).renderResponse(events, IDENTITY)
      assert.deepStrictEqual(contentOf(surface.dialect.parseResponse(body)), contentOf(answer.events))
    }))
  })
}
