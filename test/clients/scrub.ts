/** A request as a client sent it, without what is secret, differs from run to run, or tells of the machine. */
export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodyText: string
}

const DROPPED_HEADERS = new Set([
  'authorization', 'host', 'connection', 'content-length', 'x-stainless-arch', 'x-stainless-os', 'x-stainless-runtime-version'
])
const TEXT_CHARACTERS_MAX = 200
const REPLACEMENTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/(?:\/[\w.-]+)*\/dashgate-client-\w+/g, '/home/user/project'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '00000000-0000-4000-8000-000000000000'],
  [/\b[0-9a-f]{32}\b/g, '0'.repeat(32)],
  [/\bcall_[0-9a-f]{24}\b/g, 'call_' + '0'.repeat(24)],
  [/(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \w+ \d{1,2}, \d{4}/g, 'Thursday, January 1, 2026'],
  [/\b(python|java|platform|processor)\/[^;]*/g, '$1/any'],
  [/\bruntime\/node\.js\/v?[\d.]+/g, 'runtime/node.js/any'],
  [/My operating system is: \w+/g, 'My operating system is: any'],
  [/\((?:linux|darwin|win32); \w+\)/g, '(any; any)']
]

export function scrubbed ({ method, path, headers, bodyText }: RecordedRequest): RecordedRequest {
  const kept = Object.entries(headers).filter(([name]) => !DROPPED_HEADERS.has(name)).sort(([one], [other]) => one < other ? -1 : 1)
  return {
    method,
    path,
    headers: Object.fromEntries(kept.map(([name, value]) => [name, neutral(value)])),
    bodyText: shortened(neutral(bodyText))
  }
}

function neutral (value: string): string {
  return REPLACEMENTS.reduce((replaced, [pattern, replacement]) => replaced.replaceAll(pattern, replacement), value)
}

/** An agent's own prompts are long and are its own: their shape is enough. A body without such texts keeps its bytes. */
function shortened (bodyText: string): string {
  if (bodyText.length <= TEXT_CHARACTERS_MAX) return bodyText
  let cuts = 0
  const cut = JSON.stringify(JSON.parse(bodyText), (_key, value: unknown) => {
    if (typeof value !== 'string' || value.length <= TEXT_CHARACTERS_MAX) return value
    cuts += 1
    return value.slice(0, TEXT_CHARACTERS_MAX) + ' […]'
  })
  return cuts > 0 ? cut : bodyText
}
