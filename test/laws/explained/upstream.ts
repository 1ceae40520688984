import { bodyOf } from '../../relay/calls.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Asking } from './callers.ts'
import type { Send } from '../../../src/upstream/send.ts'

/** Answers each request when it is told to. */
export interface Upstream {
  readonly send: Send
  asked (): Asking
  /** Resolves when the next request is there, with what makes it answered. */
  expect (asking: Asking): Promise<() => void>
}

export function createUpstream (): Upstream {
  let expected: { readonly asking: Asking, readonly arrive: (answer: () => void) => void } | undefined
  return {
    asked () {
      if (expected === undefined) throw new Error('nothing is asked')
      return expected.asking
    },
    expect (asking) {
      const { promise, resolve } = Promise.withResolvers<() => void>()
      expected = { asking, arrive: resolve }
      return promise
    },
    async send () {
      if (expected === undefined) throw new Error('a request that nobody made')
      const { asking: { usage }, arrive } = expected
      const { promise, resolve } = Promise.withResolvers<undefined>()
      arrive(() => resolve(undefined))
      await promise
      if (usage === 'failure') throw new GatewayError('upstream_failed', 'There is nobody.')
      return { status: 200, headers: { 'content-type': 'application/json' }, body: bodyOf(answerOf(usage)) }
    }
  }
}

function answerOf ({ inputTokens, outputTokens }: Exclude<Asking['usage'], string>): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
  })
}
