import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { csvLine } from '../metering/csv.ts'
import { GatewayError } from '../core/errors.ts'
import type { CsvCell } from '../metering/csv.ts'

/** What a list may be had in, beside JSON. */
export const EXPORT_FORMATS = ['csv', 'ndjson'] as const
export type ExportFormat = typeof EXPORT_FORMATS[number]

export interface ExportOf<Row> {
  readonly format: ExportFormat
  /** Of the file, without its ending. */
  readonly name: string
  readonly parts: AsyncGenerator<readonly Row[], void, undefined>
  readonly columns: readonly string[]
  /** A row's cells by their columns; those that it leaves out are empty. */
  readonly cells: (row: Row) => Readonly<Record<string, CsvCell | undefined>>
  /** Told of what broke the answer off. */
  readonly failed: (error: GatewayError) => void
}

export const CONTENT_TYPES = { csv: 'text/csv; charset=utf-8; header=present', ndjson: 'application/x-ndjson; charset=utf-8' }
const LINES_PER_CHUNK_MAX = 500

/**
 * An answer of rows as they are read: no more is read than the client takes, and nothing after it has left. What goes wrong
 * before the first rows is an answer of its own; what goes wrong later breaks the connection, so that nobody takes a part for
 * all.
 */
export async function exportTo<Row> (reply: FastifyReply, rows: ExportOf<Row>): Promise<Readable> {
  const first = await rows.parts.next()
  reply.type(CONTENT_TYPES[rows.format]).header('content-disposition', `attachment; filename="${rows.name}.${rows.format}"`)
  return Readable.from(chunksOf(first, rows), { objectMode: false })
}

type Part<Row> = IteratorResult<readonly Row[], void>

async function * chunksOf<Row> (first: Part<Row>, rows: ExportOf<Row>): AsyncGenerator<string, void, undefined> {
  const { format, parts, columns, cells, failed } = rows
  const line = format === 'ndjson'
    ? (row: Row): string => `${JSON.stringify(row)}\n`
    : (row: Row): string => {
        const found = cells(row)
        return csvLine(columns.map((column) => found[column] ?? null))
      }
  try {
    if (format === 'csv') yield csvLine(columns)
    for (let part = first; part.done !== true; part = await parts.next()) {
      for (let from = 0; from < part.value.length; from += LINES_PER_CHUNK_MAX) {
        yield part.value.slice(from, from + LINES_PER_CHUNK_MAX).map(line).join('')
      }
    }
  } catch (cause) {
    failed(GatewayError.from(cause))
    throw cause
  } finally {
    await parts.return()
  }
}
