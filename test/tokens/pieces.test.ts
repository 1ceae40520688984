import t from 'tap'
import { pieceEnd } from '../../src/tokens/pieces.ts'
import { qwenTable } from '../../src/tokens/table.ts'

function piecesOf (text: string): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length;) {
    const end = pieceEnd(text, start, qwenTable())
    pieces.push(text.slice(start, end))
    start = end
  }
  return pieces
}

t.test('words take the one character in front of them, unless it is a digit or a line break', async t => {
  t.same(piecesOf('the cat(s)\tsat\nok 1a'), ['the', ' cat', '(s', ')', '\tsat', '\n', 'ok', ' ', '1', 'a'])
})

t.test('every digit of any script is a piece of its own', async t => {
  t.same(piecesOf('x12٣½'), ['x', '1', '2', '٣', '½'])
})

t.test('contractions are cut off in either case, with the long s, and only where they stand', async t => {
  t.same(piecesOf("I'm WE'VE"), ['I', "'m", ' WE', "'VE"])
  t.same(piecesOf("it'ſ he'lL o'clock"), ['it', "'ſ", ' he', "'lL", ' o', "'clock"])
  t.same(piecesOf("x'rx 'll"), ['x', "'rx", " '", 'll'])
})

t.test('punctuation takes a space in front and the line breaks behind it', async t => {
  t.same(piecesOf('a = {\n\n  b'), ['a', ' =', ' {\n\n', ' ', ' b'])
})

t.test('white space ends at its last line break, and leaves its last character to a word', async t => {
  t.same(piecesOf(' \n \n  a'), [' \n \n', ' ', ' a'])
  t.same(piecesOf('a   '), ['a', '   '])
  t.same(piecesOf('\u00A0\u00A01'), ['\u00A0', '\u00A0', '1'])
})

t.test('white space is what Unicode says, not what JavaScript says', async t => {
  t.same(piecesOf('a\u0085\u0085b'), ['a', '\u0085', '\u0085b'])
  t.same(piecesOf('\uFEFF# a'), ['\uFEFF#', ' a'])
})

t.test('a run of Han is cut where no token spans two characters, and only there', async t => {
  t.same(piecesOf('你好鳳龘'), ['你好', '鳳', '龘'])
  t.same(piecesOf('，我们'), ['，我们'])
})

t.test('a surrogate pair is never cut, and a lone one is a character', async t => {
  t.same(piecesOf('𠮷野😀a\uD800b'), ['𠮷野', '😀a', '\uD800b'])
})
