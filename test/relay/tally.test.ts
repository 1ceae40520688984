import t from 'tap'
import { createTally, tallyOf } from '../../src/relay/tally.ts'
import type { ChatEvent } from '../../src/core/event.ts'
import type { Usage } from '../../src/core/usage.ts'
import { writtenIn } from '../support/written.ts'

const usage = (outputTokens: number): Usage => ({ inputTokens: 1, cachedInputTokens: 0, outputTokens, reasoningTokens: 0, source: 'reported' })

t.test('keeps the last usage and everything the model wrote, calls included', async (t) => {
  const events: ChatEvent[] = [
    { type: 'response-start', id: undefined },
    { type: 'reasoning-delta', choice: 0, text: 'hm ' },
    { type: 'text-delta', choice: 0, text: 'well ' },
    { type: 'usage', usage: usage(1) },
    { type: 'tool-call-start', choice: 1, index: 0, id: 'call_1', name: 'f' },
    { type: 'tool-call-delta', choice: 1, index: 0, arguments: '{}' },
    { type: 'usage', usage: usage(2) },
    { type: 'choice-end', choice: 0, reason: 'stop' },
    { type: 'response-end' }
  ]
  const tally = tallyOf(events)
  t.equal(writtenIn(tally), '<think>\nhm \n</think>\n\nwell <tool_call>\n{"name": "f", "arguments": {}')
  t.equal(tally.usage()?.outputTokens, 2)
})

t.test('knows whether the model thought', async (t) => {
  const thought: ChatEvent = { type: 'reasoning-delta', choice: 0, text: 'hm' }
  t.equal(tallyOf([thought]).hasThoughts, true)
  t.equal(tallyOf([{ ...thought, text: '' }, { ...thought, type: 'text-delta' }]).hasThoughts, false)
})

t.test('has neither before anything has passed', async (t) => {
  const tally = createTally()
  t.equal(writtenIn(tally), '')
  t.equal(tally.usage(), undefined)
})
