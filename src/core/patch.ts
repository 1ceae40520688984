import type { JsonBody } from './body.ts'

interface Edit { readonly start: number, readonly end: number, readonly bytes: Buffer }

/**
 * Changes a few members of a body and leaves every other byte as the client sent it: unknown fields, key order and
 * 64-bit numbers arrive upstream untouched.
 */
export interface BodyPatch {
  /** Sets a top-level member, or one of a recorded object as `parameters.name`; adds the recorded object where it is missing. */
  set (path: string, json: string): void
  remove (path: string): void
  apply (): Buffer
}

export function createPatch (body: JsonBody): BodyPatch {
  const edits: Edit[] = []
  /** Members to add, by the object they go into: '' is the body itself. */
  const added = new Map<string, string[]>()

  return {
    set (path, json) {
      const span = body.members.get(path)
      if (span !== undefined) {
        edits.push({ start: span.start, end: span.end, bytes: Buffer.from(json) })
        return
      }
      const dot = path.indexOf('.')
      const parent = dot < 0 ? '' : path.slice(0, dot)
      const member = `${JSON.stringify(path.slice(dot + 1))}:${json}`
      const siblings = added.get(parent)
      if (siblings === undefined) added.set(parent, [member])
      else siblings.push(member)
    },
    remove (path) {
      const span = body.members.get(path)
      if (span !== undefined) edits.push({ ...withComma(body.bytes, span.keyStart, span.end), bytes: Buffer.alloc(0) })
    },
    apply () {
      for (const [parent, members] of added) edits.push(insertion(body, parent, members.join(',')))
      return splice(body.bytes, edits)
    }
  }
}

const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Widens a member's range by the comma behind it or, for the last member, the one before it. */
function withComma (bytes: Buffer, start: number, end: number): { start: number, end: number } {
  const next = nextSolid(bytes, end)
  if (bytes[next] === COMMA) return { start, end: nextSolid(bytes, next + 1) }
  let before = start - 1
  while (before > 0 && (bytes[before] as number) <= 0x20) before--
  return bytes[before] === COMMA ? { start: before, end } : { start, end }
}

function insertion (body: JsonBody, parent: string, members: string): Edit {
  const span = parent === '' ? undefined : body.members.get(parent)
  const missing = parent !== '' && (span === undefined || body.bytes[span.start] !== OPEN_BRACE)
  // An object that is absent or null is written whole; null stands for absent in both dialects.
  if (missing && span !== undefined) return { start: span.start, end: span.end, bytes: Buffer.from(`{${members}}`) }
  const inner = missing ? `${JSON.stringify(parent)}:{${members}}` : members
  const brace = missing || span === undefined ? nextSolid(body.bytes, 0) : span.start
  const isEmpty = body.bytes[nextSolid(body.bytes, brace + 1)] === CLOSE_BRACE
  return { start: brace + 1, end: brace + 1, bytes: Buffer.from(isEmpty ? inner : `${inner},`) }
}

function nextSolid (bytes: Buffer, from: number): number {
  let position = from
  while (position < bytes.length && (bytes[position] as number) <= 0x20) position++
  return position
}

function splice (bytes: Buffer, edits: readonly Edit[]): Buffer {
  const ordered = [...edits].sort((a, b) => a.start - b.start || a.end - b.end)
  const pieces: Buffer[] = []
  let position = 0
  for (const edit of ordered) {
    pieces.push(bytes.subarray(position, Math.max(position, edit.start)), edit.bytes)
    position = Math.max(position, edit.end)
  }
  pieces.push(bytes.subarray(position))
  return Buffer.concat(pieces)
}
