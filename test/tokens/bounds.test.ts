import fc from 'fast-check'
import t from 'tap'
import { COUNTING_MARGIN_TOKENS, countingMargin, fitsByBytes } from '../../src/tokens/bounds.ts'
import { countPrompt, TOOLS_MARGIN_TOKENS } from '../../src/tokens/prompt.ts'
import type { Prompt } from '../../src/tokens/prompt.ts'

t.test('a body fits when its bytes, the spaces in its tools and the text of the service do', async t => {
  t.ok(fitsByBytes(129_024 - 512, 129_024, 0))
  t.notOk(fitsByBytes(129_024 - 511, 129_024, 0))
  t.ok(fitsByBytes(100_000, 129_024, 57_024))
  t.notOk(fitsByBytes(100_000, 129_024, 57_026))
  t.notOk(fitsByBytes(100_000, 129_024), 'all of it may be tools')
})

t.test('the margin with tools holds what the service adds for them', async t => {
  t.equal(COUNTING_MARGIN_TOKENS, 64)
  t.equal(countingMargin(true), countingMargin(false) + TOOLS_MARGIN_TOKENS)
})

t.test('no body that fits by its bytes has a prompt above the cap', async () => {
  const message = fc.record({ role: fc.constantFrom('system', 'user', 'tool'), content: fc.string({ unit: 'grapheme', maxLength: 40 }) })
  const chats = fc.record<Prompt>({
    messages: fc.array(message, { maxLength: 30 }),
    tools: fc.oneof(fc.constant([]), fc.array(fc.jsonValue(), { minLength: 1, maxLength: 3 }), fc.constant([Array(300).fill(1)]))
  })
  fc.assert(fc.property(chats, chat => {
    const toolsBytes = chat.tools?.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(chat.tools))
    const bodyBytes = Buffer.byteLength(JSON.stringify(chat))
    const inputTokensMax = bodyBytes + Math.ceil(toolsBytes / 2) + 512
    return fitsByBytes(bodyBytes, inputTokensMax, toolsBytes) && countPrompt(chat) + TOOLS_MARGIN_TOKENS <= inputTokensMax
  }))
})
