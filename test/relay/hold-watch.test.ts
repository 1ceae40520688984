import t from 'tap'
import fc from 'fast-check'
import { COUNTING_MARGIN_TOKENS } from '../../src/tokens/bounds.ts'
import { createHoldWatch } from '../../src/relay/hold-watch.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'
import type { Usage } from '../../src/core/usage.ts'

/** A token for each four bytes, and a note of every count. */
function counter () {
  const counted: string[] = []
  const tokens: TokenCounter = {
    count: () => 0,
    countText (text) {
      counted.push(text)
      return Math.ceil(text.length / 4)
    },
    close: async () => undefined
  }
  return { tokens, counted }
}

/** An answer that grows. */
function answer () {
  let text = ''
  let usage: Usage | undefined
  return {
    say (more: string) { text += more },
    report (outputTokens: number) { usage = { inputTokens: 1, cachedInputTokens: 0, outputTokens, reasoningTokens: 0, source: 'reported' } },
    usage: () => usage,
    transcripts: () => [{ text, isFramed: false }],
    hasThoughts: false,
    outputBytes: () => Buffer.byteLength(text)
  }
}

t.test('an answer with fewer bytes than tokens are held is never counted', async (t) => {
  const { tokens, counted } = counter()
  const watch = createHoldWatch(1_000, { tokenizer: 'qwen' }, tokens)
  const said = answer()
  for (let chunk = 0; chunk < 100; chunk++) {
    said.say('x'.repeat(10))
    t.equal(watch(said), false)
  }
  t.same(counted, [])
})

t.test('an answer is past its hold once it is past the margin too, and stays so', async (t) => {
  const watch = createHoldWatch(100, { tokenizer: 'qwen' }, counter().tokens)
  const said = answer()
  said.say('x'.repeat(4 * (100 + COUNTING_MARGIN_TOKENS)))
  t.equal(watch(said), false)
  said.say('x'.repeat(4 * COUNTING_MARGIN_TOKENS))
  t.equal(watch(said), true)
  t.equal(watch(said), true)
})

t.test('the upstream\'s running count goes before ours', async (t) => {
  const { tokens, counted } = counter()
  const watch = createHoldWatch(100, { tokenizer: 'qwen' }, tokens)
  const said = answer()
  said.say('x'.repeat(10_000))
  said.report(90)
  t.equal(watch(said), false)
  said.say('x'.repeat(1_000))
  said.report(100 + COUNTING_MARGIN_TOKENS + 1)
  t.equal(watch(said), true)
  t.same(counted, [])
})

t.test('a model with another tokenizer gets half as much again before it is cut', async (t) => {
  const watch = createHoldWatch(1_000, { tokenizer: 'estimate' }, counter().tokens)
  const said = answer()
  said.say('x'.repeat(4 * 1_500))
  t.equal(watch(said), false)
  said.say('x'.repeat(4 * 200))
  t.equal(watch(said), true)
})

t.test('a count elsewhere holds up nothing and is heeded when it comes', async (t) => {
  const { promise, resolve } = Promise.withResolvers<number>()
  let counts = 0
  const tokens: TokenCounter = { count: () => 0, countText () { counts++; return promise }, close: async () => undefined }
  const watch = createHoldWatch(10, { tokenizer: 'qwen' }, tokens)
  const said = answer()
  said.say('x'.repeat(5_000))
  t.equal(watch(said), false)
  said.say('x')
  t.equal(watch(said), false)
  t.equal(counts, 1, 'one count at a time')
  resolve(1_250)
  await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(watch(said), true)
})

t.test('whatever the pieces, no answer gets further past its hold than the margin, a step and its last piece', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2_000 }), fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 60 }), (held, pieces) => {
    const watch = createHoldWatch(held, { tokenizer: 'qwen' }, counter().tokens)
    const said = answer()
    for (const bytes of pieces) {
      said.say('x'.repeat(bytes))
      const used = Math.ceil(said.outputBytes() / 4)
      const isPast = watch(said)
      if (isPast && used <= held + COUNTING_MARGIN_TOKENS) return false
      if (!isPast && used > held + COUNTING_MARGIN_TOKENS + 64 + Math.ceil(bytes / 4)) return false
    }
    return true
  }))
})
