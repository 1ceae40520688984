import fc from 'fast-check'
import t from 'tap'
import { choiceOf, countAnswer } from '../../src/simulator/completion.ts'
import { INSTANT_PACE } from '../../src/simulator/pace.ts'
import { piecesOf } from '../../src/simulator/pieces.ts'
import { countText } from '../../src/tokens/count.ts'

const words = fc.constantFrom('hello', ' world', '你好', '，', '世界。', '\n\n', '  ', 'x=1;', '😀', 'e\u0301', "'s", '<think>', '12', '!', '\t')
const text = fc.array(words, { maxLength: 40 }).map(parts => parts.join(''))
const answer = fc.record({
  reasoning: text,
  content: text,
  toolCalls: fc.array(fc.record({ name: fc.constant('f'), arguments: text }), { maxLength: 2 })
})
const pace = fc.record({ least: fc.integer({ min: 1, max: 5 }), more: fc.integer({ min: 0, max: 5 }) })
  .map(({ least, more }) => ({ ...INSTANT_PACE, charactersPerChunkMin: least, charactersPerChunkMax: least + more }))
const limits = fc.record({ outputTokensMax: fc.integer({ min: 1, max: 60 }), stop: fc.constant([]) })

t.test('pieces put together are the choice', async () => {
  fc.assert(fc.property(answer, pace, limits, (said, speed, limit) => {
    const choice = choiceOf(0, said, limit)
    const pieces = piecesOf([choice], speed)
    const argumentsOf = (index: number): string => pieces.map(piece => piece.toolCall?.index === index ? piece.toolCall.arguments : '').join('')
    return pieces.map(piece => piece.reasoning).join('') === choice.reasoning &&
      pieces.map(piece => piece.content).join('') === choice.content &&
      choice.toolCalls.every((call, index) => argumentsOf(index) === call.arguments) &&
      pieces.filter(piece => piece.finishReason !== undefined).length === 1
  }))
})

t.test('running counts never fall, and end with what is charged', async () => {
  fc.assert(fc.property(answer, pace, limits, (said, speed, limit) => {
    const choice = choiceOf(0, said, limit)
    const counts = piecesOf([choice], speed).map(piece => piece.outputTokens)
    return counts.every((count, index) => count >= (counts[index - 1] ?? 0)) && counts.at(-1) === choice.outputTokens
  }))
})

t.test('a choice never has more tokens than allowed, and says when it was cut', async () => {
  fc.assert(fc.property(answer, limits, (said, limit) => {
    const choice = choiceOf(0, said, limit)
    const wasCut = countAnswer(said) > limit.outputTokensMax
    return wasCut === (choice.finishReason === 'length') && (wasCut ? choice.outputTokens <= limit.outputTokensMax : choice.outputTokens === countAnswer(said))
  }))
})

t.test('a running count is the count of all the text so far', async t => {
  const content = 'def f(x):\n    return x  # 返回，结果。\nthe end of it, 全文完。'
  const choice = choiceOf(0, { reasoning: '', content, toolCalls: [] }, { outputTokensMax: 1000, stop: [] })
  const pieces = piecesOf([choice], { ...INSTANT_PACE, charactersPerChunkMin: 5, charactersPerChunkMax: 5 })
  let said = ''
  for (const piece of pieces) {
    said += piece.content
    t.ok(piece.outputTokens >= countText(said) && piece.outputTokens <= countText(said) + 1, said)
  }
})
