import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { METRICS, PROCESS_METRICS } from '../src/observe/metric-names.ts'
import { ATTRIBUTES } from '../src/observe/span-names.ts'
import type { MetricDefinition } from '../src/observe/metric-names.ts'

/** Writes the tables of docs/telemetry.md anew, from the files of names. A test says when that is due. */
const FILE = join(import.meta.dirname, '..', 'docs', 'telemetry.md')

const TABLES: Readonly<Record<string, () => string>> = {
  metrics: () => table(['metric', 'type', 'labels', 'says'], Object.values<MetricDefinition>(METRICS).map(({ name, type, labels, help }) =>
    [code(name), type, labels.map(code).join(', '), help])),
  process: () => PROCESS_METRICS.map(code).join(', '),
  spans: () => table(['attribute', 'span', 'says'], Object.values(ATTRIBUTES).map(({ name, on, help }) => [code(name), on, help]))
}

/** A document whose tables are those of the files of names. */
export function withTables (document: string): string {
  return Object.entries(TABLES).reduce((text, [name, render]) => {
    const [begin, end] = [`<!-- ${name}: made by scripts/telemetry-doc.ts -->\n`, `<!-- /${name} -->`]
    const [before = '', rest] = text.split(begin)
    const after = rest?.slice(rest.indexOf(end))
    if (after === undefined || rest?.includes(end) !== true) throw new Error(`there is no place for ${name}`)
    return `${before}${begin}${render()}\n${after}`
  }, document)
}

function table (head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function code (text: string): string {
  return `\`${text}\``
}

if (import.meta.main) writeFileSync(FILE, withTables(readFileSync(FILE, 'utf8')))
