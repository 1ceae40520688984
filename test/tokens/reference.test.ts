import fc from 'fast-check'
import t from 'tap'
import { countText } from '../../src/tokens/count.ts'
import { countPrompt } from '../../src/tokens/prompt.ts'
import { hostileText } from './hostile-text.ts'
import { loadReferenceEngines } from './reference-engines.ts'

const engines = loadReferenceEngines()

t.test('any text has as many tokens as both reference engines make of it', async t => {
  const law = fc.asyncProperty(hostileText(), async text => {
    const counted = { text: countText(text), parsed: countText(text, { special: 'parsed' }) }
    const wanted = { text: await engines.huggingFace(text, 'text'), parsed: await engines.huggingFace(text, 'parsed') }
    return counted.text === wanted.text && counted.parsed === wanted.parsed && counted.text === engines.tiktoken(text)
  })
  const outcome = await fc.check(law, { numRuns: 4_000 })
  t.comment(`fast-check seed ${outcome.seed}`)
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? 'a counterexample')
})

t.test('any chat has as many tokens as the reference engine finds in its rendered template', async t => {
  const message = fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: hostileText() })
  const law = fc.asyncProperty(fc.array(message, { maxLength: 4 }), async messages => {
    const turns = messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`)
    const rendered = turns.join('') + '<|im_start|>assistant\n'
    return countPrompt({ messages }, { special: 'parsed' }) === await engines.huggingFace(rendered, 'parsed')
  })
  const outcome = await fc.check(law, { numRuns: 1_000 })
  t.comment(`fast-check seed ${outcome.seed}`)
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? 'a counterexample')
})

t.test('long runs have as many tokens as the reference engine makes of them', async t => {
  const runs = [
    'a'.repeat(5_000), 'ab'.repeat(3_000), ' '.repeat(5_000), '\n'.repeat(3_000), ' \n'.repeat(2_000), '!'.repeat(3_000), '=-'.repeat(3_000),
    '的'.repeat(3_000), '你好世界'.repeat(1_000), '👨‍👩‍👧'.repeat(300), '가'.repeat(2_000), '\u1100\u1161\u11A8'.repeat(800), 'e\u0301'.repeat(2_000),
    'a' + '\u0301'.repeat(3_000), 'a' + '\u0301\u0323'.repeat(2_000), 'a' + '\u0323\u0344\u0301\u0F73\u0334\u0345'.repeat(500)
  ]
  for (const text of runs) t.equal(countText(text), await engines.huggingFace(text, 'text'), `${text.length} units of ${text.slice(0, 4)}`)
})
