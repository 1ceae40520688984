import { LineCounter, Scalar, isAlias, isCollection, isMap, isScalar, parseDocument, visit } from 'yaml'
import type { Document, Node } from 'yaml'
import { pathText } from './problems.ts'
import type { Path, Problem } from './problems.ts'
import { substituteVariables } from './variables.ts'
import type { Environment } from './variables.ts'

const ALIASES_MAX = 100

export interface ConfigDocument {
  readonly source: string
  readonly value: unknown
  /** True where the text is no YAML: then there is no value, and nothing to be said about settings. */
  readonly isBroken: boolean
  readonly problems: readonly Problem[]
  /** The problem at a path's value or, with `at: 'key'`, at its key; the nearest place above it where it is absent. */
  problemAt (path: Path, message: string, at?: 'key' | 'value'): Problem
}

/** Reads a YAML file and fills in its variables. It never throws: what is wrong is in `problems`. */
export function readDocument (source: string, text: string, environment: Environment): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems: Problem[] = []
  const placed: Placed = (offset, path, message) => {
    const { line, col } = lines.linePos(offset)
    return { source, path, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  for (const error of [...document.errors, ...document.warnings]) problems.push(placed(error.pos[0], '', withoutSource(error.message)))
  let isBroken = problems.length > 0
  if (!isBroken) {
    visit(document, {
      Scalar (key, scalar, ancestors) {
        if (key === 'key' || typeof scalar.value !== 'string') return
        const message = fillIn(scalar, environment)
        if (message !== undefined) problems.push(placed(offsetOf(scalar), pathText(pathOf(ancestors, scalar)), message))
      },
      Alias (_key, alias) {
        if (alias.resolve(document) !== undefined) return
        isBroken = true
        problems.push(placed(offsetOf(alias), '', 'there is no such anchor before this alias'))
      }
    })
  }
  return {
    source,
    value: isBroken ? undefined : valueOf(document, problems, placed),
    isBroken,
    problems,
    problemAt: (path, message, at = 'value') => placed(offsetAt(document, path, at), pathText(path), message)
  }
}

/** Pieces of the file in the parser's messages: behind a colon, behind a few words, or in the middle. */
const SOURCE = /(?<=\S): .*$|(?<=^Invalid escape sequence|^Unknown directive|^Unsupported YAML version) .*$|, so .*$|(?<=^The ).* (?=tag has no suffix)/s

/** Without what stands in the file, which may be a key. */
function withoutSource (message: string): string {
  return message.replace(SOURCE, '')
}

type Placed = (offset: number, path: string, message: string) => Problem

function valueOf (document: Document, problems: Problem[], placed: Placed): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX })
  } catch (cause) {
    problems.push(placed(0, '', cause instanceof Error ? withoutSource(cause.message) : 'The file cannot be read.'))
    return undefined
  }
}

/** Gives what is wrong with the variables in a scalar, else writes their values into it. */
function fillIn (scalar: Scalar, environment: Environment): string | undefined {
  const text = scalar.value as string
  const filled = substituteVariables(text, environment)
  if ('fault' in filled) return filled.fault
  if (filled.text === text) return undefined
  scalar.value = scalar.type === Scalar.PLAIN ? plainValue(filled.text) : filled.text
  return undefined
}

/** `port: ${PORT}` means a number, as it would had the number stood there; quotes keep a text a text. */
function plainValue (text: string): string | number | boolean {
  if (/^-?(0|[1-9]\d{0,14})(\.\d{1,9})?$/.test(text)) return Number(text)
  return text === 'true' || text === 'false' ? text === 'true' : text
}

function pathOf (ancestors: readonly unknown[], scalar: Scalar): Path {
  const path: (string | number)[] = []
  const chain = [...ancestors, scalar]
  for (const [index, ancestor] of chain.entries()) {
    const child = chain[index + 1]
    if (isMap(ancestor)) path.push(keyText((child as { key?: unknown } | undefined)?.key))
    else if (isCollection(ancestor)) path.push((ancestor.items as unknown[]).indexOf(child))
  }
  return path
}

function offsetAt (document: Document, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = offsetOf(node)
  for (const [index, step] of path.entries()) {
    const parent = isAlias(node) ? node.resolve(document) : node
    const isLast = index === path.length - 1
    if (isMap(parent)) {
      const pair = parent.items.find((item) => keyText(item.key) === String(step))
      if (pair === undefined) return offset
      node = pair.value
      offset = offsetOf((isLast && at === 'key') || node === null ? pair.key : node)
    } else if (isCollection(parent)) {
      node = (parent.items as unknown[])[Number(step)]
      if (node === undefined) return offset
      offset = offsetOf(node)
    } else {
      return offset
    }
  }
  return offset
}

function keyText (key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}

function offsetOf (node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0
}
