import type { JsonBody, Span } from './body.ts'

interface Edit { readonly start: number, readonly end: number, readonly bytes: Buffer }

/** New JSON by path, as `memberPath` gives it, or by key; undefined where the member goes. */
export type Changes = Map<string, string | undefined>

/**
 * Changes a few members of a body and leaves every other byte as the client sent it: unknown fields, key order and
 * 64-bit numbers arrive upstream untouched. A path is a top-level member's, or that of one of a recorded object such as
 * `parameters.name`; the recorded object is added where it is missing. A change of a whole object comes before those of
 * its members. Without changes the body's own bytes are returned.
 */
export function applyChanges (body: JsonBody, changes: ReadonlyMap<string, string | undefined>): Buffer {
  return changes.size === 0 ? body.bytes : splice(body.bytes, editsFor(body, changes))
}

const OPEN_BRACE = 0x7b

function editsFor (body: JsonBody, changes: ReadonlyMap<string, string | undefined>): Edit[] {
  const { top, inner } = byObject(changes)
  const edits: Edit[] = []
  for (const [parent, members] of inner) {
    const span = body.members.get(parent)
    const isObject = span !== undefined && body.bytes[span.start] === OPEN_BRACE
    if (isObject && !top.has(parent)) edits.push(...memberEdits(body, { prefix: `${parent}.`, start: span.start }, members))
    // An object that is absent, null or removed is written whole; null stands for absent in both dialects.
    else if (top.get(parent) === undefined) writeWhole(parent, members, top)
  }
  return [...edits, ...memberEdits(body, { prefix: '', start: body.bytes.indexOf(OPEN_BRACE) }, top)]
}

interface SortedChanges { readonly top: Changes, readonly inner: ReadonlyMap<string, Changes> }

/** Sorts the changes by the object they fall into: a path's first dot ends the object's name. */
function byObject (changes: ReadonlyMap<string, string | undefined>): SortedChanges {
  const top: Changes = new Map()
  const inner = new Map<string, Changes>()
  for (const [path, json] of changes) {
    const dot = path.indexOf('.')
    if (dot <= 0) {
      top.set(path, json)
      continue
    }
    const parent = path.slice(0, dot)
    const members: Changes = inner.get(parent) ?? new Map()
    inner.set(parent, members.set(path.slice(dot + 1), json))
  }
  return { top, inner }
}

function writeWhole (parent: string, members: Changes, top: Changes): void {
  const added = [...members].flatMap(([key, json]) => json === undefined ? [] : [`${JSON.stringify(key)}:${json}`])
  if (added.length > 0) top.set(parent, `{${added.join(',')}}`)
}

/** The edits within one object, which begins at `start`. */
function memberEdits (body: JsonBody, object: { readonly prefix: string, readonly start: number }, changes: Changes): Edit[] {
  const edits: Edit[] = []
  const added: string[] = []
  const removed = new Set<Span>()
  for (const [key, json] of changes) {
    const span = body.members.get(object.prefix + key)
    if (span === undefined && json !== undefined) added.push(`${JSON.stringify(key.replace(/^\./, ''))}:${json}`)
    else if (span !== undefined && json !== undefined) edits.push({ ...span, bytes: Buffer.from(json) })
    else if (span !== undefined) removed.add(span)
  }
  if (added.length === 0 && removed.size === 0) return edits
  const spans = [...body.members].flatMap(([path, span]) => isWithin(path, object.prefix) ? [span] : [])
  const lastKept = spans.findLastIndex((span) => !removed.has(span))
  if (added.length > 0) {
    const at = object.start + 1
    edits.push({ start: at, end: at, bytes: Buffer.from(added.join(',') + (lastKept < 0 ? '' : ',')) })
  }
  return [...edits, ...cuts(spans, removed, lastKept)]
}

function isWithin (path: string, prefix: string): boolean {
  return prefix === '' ? path.indexOf('.') <= 0 : path.startsWith(prefix)
}

/** Each removed member takes the comma behind it along; those behind the last one kept go with the comma before them. */
function cuts (spans: readonly Span[], removed: ReadonlySet<Span>, lastKept: number): Edit[] {
  const ranges: Edit[] = []
  for (const [place, span] of spans.slice(0, Math.max(lastKept, 0)).entries()) {
    if (removed.has(span)) ranges.push({ start: span.keyStart, end: (spans[place + 1] as Span).keyStart, bytes: Buffer.alloc(0) })
  }
  const last = spans.at(-1)
  if (last === undefined || lastKept === spans.length - 1) return ranges
  const start = lastKept < 0 ? (spans[0] as Span).keyStart : (spans[lastKept] as Span).end
  return [...ranges, { start, end: last.end, bytes: Buffer.alloc(0) }]
}

function splice (bytes: Buffer, edits: readonly Edit[]): Buffer {
  const ordered = [...edits].sort((a, b) => a.start - b.start || a.end - b.end)
  const pieces: Buffer[] = []
  let position = 0
  for (const edit of ordered) {
    pieces.push(bytes.subarray(position, edit.start), edit.bytes)
    position = edit.end
  }
  pieces.push(bytes.subarray(position))
  return Buffer.concat(pieces)
}
