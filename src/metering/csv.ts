export type CsvCell = string | number | boolean | null

/**
 * One record in the form of RFC 4180, its line end included. What has no value is empty. Names come from people, and a
 * spreadsheet would take one that begins like a formula for one: a leading apostrophe keeps it a text.
 */
export function csvLine (cells: readonly CsvCell[]): string {
  return `${cells.map(fieldOf).join(',')}\r\n`
}

function fieldOf (cell: CsvCell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell)
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
