import { decodeUtf8, isObject, parseJson } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { GatewayError } from './errors.ts'

/** Where a member of a recorded object stands in the bytes: its key's opening quote, and its value's first and last byte + 1. */
export interface Span { readonly keyStart: number, readonly start: number, readonly end: number }

/** A request body: the bytes as sent, the same parsed with exact numbers, and where each recorded member stands. */
export interface JsonBody {
  readonly bytes: Buffer
  readonly document: JsonObject
  /** By path as `memberPath` gives it: `model`, and for the objects asked for also `parameters.seed`. Siblings are in order. */
  readonly members: ReadonlyMap<string, Span>
}

const DEPTH_MAX = 64
const RECORDED_MEMBERS_MAX = 1_000
/** A conversation has tens of thousands at most; millions in one body would hold up every other request while they are parsed. */
const VALUES_MAX = 100_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const SPACE = 0x20

/**
 * Reads a request body once. `recorded` names the top-level objects whose members are wanted too. Duplicates are refused
 * where the gateway reads: a body that says `max_tokens` twice could be reserved on one and answered on the other.
 * @throws GatewayError `invalid_request`: not an object, not UTF-8, too deep, duplicate or prototype keys, lone surrogates
 */
export function readJsonBody (bytes: Buffer, recorded: ReadonlySet<string>): JsonBody {
  if (bytes.length === 0) throw new GatewayError('invalid_request', 'The request body is empty; a JSON object is required.')
  const text = decodeUtf8(bytes)
  const { members, escapedKeys } = scan(bytes, recorded)
  const document = parseDocument(escapedKeys.length === 0 ? text : withPlainKeys(bytes, escapedKeys))
  return { bytes, document, members }
}

interface EscapedKey { readonly start: number, readonly end: number, readonly key: string }

/**
 * The text with its escaped keys written out. `JSON.parse` of V8 12.8 and later may take an escaped key for another key
 * that it has read before, also in somebody else's body: `"\u006dodel"` for `"\\u006"` (nodejs/node#63785).
 */
function withPlainKeys (bytes: Buffer, keys: readonly EscapedKey[]): string {
  let text = ''
  let position = 0
  for (const { start, end, key } of keys) {
    text += bytes.toString('utf8', position, start) + JSON.stringify(key)
    position = end
  }
  return text + bytes.toString('utf8', position)
}

/**
 * The path of a top-level key. One that holds a dot gets another in front, or `{"parameters.seed": 1}` would be taken
 * for a member of `parameters` and a cap set there would land where no upstream reads it.
 */
export function memberPath (key: string): string {
  return key.includes('.') ? `.${key}` : key
}

/** How many bytes a member's value takes; 0 where there is none. */
export function memberBytes (body: JsonBody, path: string): number {
  const span = body.members.get(path)
  return span === undefined ? 0 : span.end - span.start
}

function parseDocument (text: string): JsonObject {
  let document: JsonValue
  try {
    document = parseJson(text)
  } catch (cause) {
    throw new GatewayError('invalid_request', 'The request body is not valid JSON.', { cause })
  }
  if (!isObject(document)) throw new GatewayError('invalid_request', 'The request body must be a JSON object.')
  return document
}

interface Container {
  readonly isObject: boolean
  /** Prefix of its members' paths, or undefined where they are not recorded. */
  readonly prefix: string | undefined
  readonly isConstructor: boolean
  expectsKey: boolean
  key: string
  keyStart: number
  valueStart: number
  valueEnd: number
}

/**
 * One pass over the bytes that finds the members and refuses what `JSON.parse` lets through. It trusts nothing about the
 * grammar: on broken JSON it may record nonsense, and the parse that follows refuses the body.
 */
function scan (bytes: Buffer, recorded: ReadonlySet<string>): Pick<Scanner, 'members' | 'escapedKeys'> {
  const scanner = new Scanner(bytes, recorded)
  for (let position = 0; position < bytes.length;) {
    const byte = bytes[position] as number
    if (byte <= SPACE || byte === COLON) position++
    else if (byte === QUOTE) position = scanner.string(position)
    else if (byte === COMMA) position = scanner.comma(position)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) position = scanner.open(position, byte === OPEN_BRACE ? 'object' : 'array')
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) position = scanner.close(position)
    else position = scanner.scalar(position)
  }
  return scanner
}

class Scanner {
  readonly members = new Map<string, Span>()
  readonly escapedKeys: EscapedKey[] = []
  readonly #bytes: Buffer
  readonly #recorded: ReadonlySet<string>
  readonly #checksSurrogates: boolean
  readonly #stack: Container[] = []
  #commas = 0
  #top: Container | undefined

  constructor (bytes: Buffer, recorded: ReadonlySet<string>) {
    this.#bytes = bytes
    this.#recorded = recorded
    this.#checksSurrogates = bytes.includes('\\ud') || bytes.includes('\\uD')
  }

  /** A key or a string value. Each method returns the offset to go on from. */
  string (start: number): number {
    const end = stringEnd(this.#bytes, start)
    if (this.#checksSurrogates) refuseLoneSurrogates(this.#bytes, start, end)
    if (this.#top?.expectsKey === true) this.#key(this.#top, start, end)
    else this.#value(start, end)
    return end
  }

  scalar (start: number): number {
    this.#value(start, start + 1)
    return start + 1
  }

  open (start: number, kind: 'object' | 'array'): number {
    if (this.#stack.length === DEPTH_MAX) {
      throw new GatewayError('invalid_request', `The request body is nested deeper than ${DEPTH_MAX} levels.`)
    }
    this.#value(start, start + 1)
    const parent = this.#top
    let prefix: string | undefined
    if (kind === 'object' && parent === undefined) prefix = ''
    else if (kind === 'object' && this.#stack.length === 1 && this.#recorded.has(parent?.key ?? '')) prefix = `${parent?.key}.`
    const isObject = kind === 'object'
    this.#top = {
      isObject, prefix, isConstructor: parent?.key === 'constructor', expectsKey: isObject, key: '', keyStart: -1, valueStart: -1, valueEnd: -1
    }
    this.#stack.push(this.#top)
    return start + 1
  }

  close (start: number): number {
    if (this.#top !== undefined) closeMember(this.#top, this.members)
    this.#stack.pop()
    this.#top = this.#stack.at(-1)
    if (this.#top !== undefined) this.#top.valueEnd = start + 1
    return start + 1
  }

  comma (start: number): number {
    if (++this.#commas > VALUES_MAX) {
      throw new GatewayError('invalid_request', `The request body has more than ${VALUES_MAX} values.`)
    }
    if (this.#top !== undefined) {
      closeMember(this.#top, this.members)
      this.#top.expectsKey = this.#top.isObject
    }
    return start + 1
  }

  #key (container: Container, start: number, end: number): void {
    const text = this.#bytes.toString('utf8', start + 1, end - 1)
    const key = text.includes('\\') ? unescaped(this.#bytes.toString('utf8', start, end)) : text
    if (key === undefined) throw new GatewayError('invalid_request', 'The request body is not valid JSON.')
    if (key.length !== text.length) this.escapedKeys.push({ start, end, key })
    openMember(container, key, start)
  }

  #value (start: number, end: number): void {
    if (this.#top === undefined) return
    if (this.#top.valueStart < 0) this.#top.valueStart = start
    this.#top.valueEnd = end
  }
}

function openMember (container: Container, key: string, keyStart: number): void {
  if (key === '__proto__' || (container.isConstructor && key === 'prototype')) {
    throw new GatewayError('invalid_request', 'The request body has a key that names an object prototype.')
  }
  container.key = key
  container.keyStart = keyStart
  container.valueStart = -1
  container.expectsKey = false
}

function closeMember (container: Container, members: Map<string, Span>): void {
  if (container.prefix === undefined || container.keyStart < 0) return
  const path = container.prefix === '' ? memberPath(container.key) : container.prefix + container.key
  if (members.has(path)) throw new GatewayError('invalid_request', 'The request body has the same key twice.', { param: path.slice(0, 64) })
  if (members.size === RECORDED_MEMBERS_MAX) throw new GatewayError('invalid_request', `The request body has more than ${RECORDED_MEMBERS_MAX} keys.`)
  members.set(path, { keyStart: container.keyStart, start: container.valueStart, end: container.valueEnd })
  container.keyStart = -1
}

/** The offset behind the closing quote, or the end of the bytes where there is none. */
function stringEnd (bytes: Buffer, start: number): number {
  const quote = bytes.indexOf(QUOTE, start + 1)
  if (quote < 0) return bytes.length
  // Most strings end at their first quote. Behind an escape, a plain loop is faster than a search for each of many quotes.
  if (bytes[quote - 1] !== BACKSLASH) return quote + 1
  let position = quote - 1
  while (bytes[position - 1] === BACKSLASH) position--
  while (position < bytes.length && bytes[position] !== QUOTE) position += bytes[position] === BACKSLASH ? 2 : 1
  return Math.min(position + 1, bytes.length)
}

function refuseLoneSurrogates (bytes: Buffer, start: number, end: number): void {
  const text = bytes.toString('utf8', start, end)
  if (text.includes('\\u') && unescaped(text)?.isWellFormed() === false) {
    throw new GatewayError('invalid_request', 'The request body has half a surrogate pair, which is no character.')
  }
}

/** A string literal's text; undefined where it is broken, for the parse that follows to refuse. */
function unescaped (literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
