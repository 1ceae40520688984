/** Reads RFC 4180, character by character. @throws Error for what is none */
export function parseCsv (text: string): string[][] {
  const lines: string[][] = []
  let line: string[] = []
  let at = 0
  while (at < text.length) {
    const [field, next] = text[at] === '"' ? quotedAt(text, at + 1) : plainAt(text, at)
    line.push(field)
    if (text[next] === ',') {
      at = next + 1
      if (at === text.length) throw new Error('the last line has no end')
      continue
    }
    if (!text.startsWith('\r\n', next)) throw new Error(`a field ends with ${JSON.stringify(text[next])} at ${next}`)
    lines.push(line)
    line = []
    at = next + 2
  }
  if (line.length > 0) throw new Error('the last line has no end')
  return lines
}

/** The lines as objects named by the first one. */
export function csvObjects (text: string): Record<string, string>[] {
  const [names = [], ...lines] = parseCsv(text)
  return lines.map((line) => {
    if (line.length !== names.length) throw new Error(`a line has ${line.length} fields, and the first has ${names.length}`)
    return Object.fromEntries(names.map((name, index) => [name, line[index] ?? '']))
  })
}

function plainAt (text: string, start: number): [field: string, next: number] {
  let at = start
  while (at < text.length && !',\r\n"'.includes(text[at] ?? '')) at++
  return [text.slice(start, at), at]
}

function quotedAt (text: string, start: number): [field: string, next: number] {
  let field = ''
  for (let at = start; at < text.length; at++) {
    if (text[at] !== '"') field += text[at]
    else if (text[at + 1] === '"') field += text[at++]
    else return [field, at + 1]
  }
  throw new Error('a quote is never closed')
}
