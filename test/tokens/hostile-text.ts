import fc from 'fast-check'

const EDGES = [
  "'s", "'S", "'ſ", "'re", "'VE", "'lL", "'d", "'x", "''", "'\n", ' ', '  ', '\t', '\n', '\r\n', '\r', '\n \n', '\u00A0', '\u0085', '\u3000',
  '\uFEFF', '\uFEFF#', '\u200B', '\u200D', '\uFE0F', '\u0000', '\u001C', '\u007F', '0', '12', '٣', '½', '５', 'Ⅷ', '²',
  'a', 'Z', ' the', 'function', 'ing', ' return', 'é', 'e\u0301', 'a\u0323\u0301', 'a\u0301\u0323', '\u0301', '\u0344', '\u0F73', '\u0958', 'Å', 'ﬁ', 'ß', 'İ',
  '가', '\u1100\u1161', '\u1100\u1161\u11A8', 'か\u3099', 'ไทย', 'हिन्दी', 'עברית', 'العربية', 'Привет',
  '你好', '我', '的', '，', '。', '鳳', ' 鳳', '龘', '㐀', '𠀀', '𠮷野家', '😀', '👨‍👩‍👧', '👍🏽', '🇨🇳', '❤️', '\u{1D160}', '𝒜', '𒀀',
  '\uD800', '\uDC00', '\uDBFF\uD800', '\uFFFD', '\uFFFF', '\u{10FFFF}', '!', '!!', '...', '=>', '//', '){\n', '";\n\n', '---', '<', '|', '>',
  '<|im_start|>', '<|im_end|>', '<|im_end|', '<|endoftext|>', '<think>', '</think>', '<tool_call>', '</tool_response>', '<|fim_pad|>', '<|x|>'
]

/** Text made of what tokenizers get wrong: edge cases side by side, any character at all, and runs of one thing. */
export function hostileText (): fc.Arbitrary<string> {
  const edge = fc.constantFrom(...EDGES)
  const han = fc.integer({ min: 0x4E00, max: 0x9FFF }).map(unit => String.fromCharCode(unit))
  const run = fc.tuple(edge, fc.integer({ min: 2, max: 200 })).map(([text, times]) => text.repeat(times))
  const hanRun = fc.array(han, { minLength: 2, maxLength: 60 }).map(characters => characters.join(''))
  const words = fc.string({ maxLength: 20 })
  const any = fc.string({ unit: 'binary', maxLength: 6 })
  const units = fc.array(fc.integer({ min: 0, max: 0xFFFF }).map(unit => String.fromCharCode(unit)), { maxLength: 4 }).map(all => all.join(''))
  return fc
    .array(fc.oneof({ arbitrary: edge, weight: 12 }, words, han, hanRun, any, units, run), { maxLength: 24 })
    .map(parts => parts.join(''))
}
