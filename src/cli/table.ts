const GAP = '  '

/** Columns under their headings. Figures stand to the right; the last column may hold anything, as nothing follows it. */
export function tableText (headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = headings.map((heading, index) => {
    const cells = rows.map((row) => row[index] ?? '')
    return { width: Math.max(heading.length, ...cells.map((cell) => cell.length)), isFigures: cells.every((cell) => /^[\d.,-]*$/.test(cell)) }
  })
  const lineOf = (cells: readonly string[]): string => columns.map(({ width, isFigures }, index) => {
    const cell = cells[index] ?? ''
    return isFigures ? cell.padStart(width) : cell.padEnd(width)
  }).join(GAP).trimEnd()
  return [headings, ...rows].map(lineOf).join('\n')
}
