import { showLeaf, words } from './outline.ts'

/** Records as lines with aligned columns, one for each key that any of them has; numbers to the right. */
export function renderTable(records: readonly object[]): string {
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const columns = keys.map((key) => {
    const values = records.map((record) => (record as Record<string, unknown>)[key])
    const bytes = /bytes|size|received/i.test(key)
    const cells = [words(key), ...values.map((value) => (value === undefined ? '' : showLeaf(value, { bytes })))]
    const width = Math.max(...cells.map((cell) => cell.length))
    const isNumeric = values.some((value) => typeof value === 'number')
    return cells.map((cell) => (isNumeric ? cell.padStart(width) : cell.padEnd(width)))
  })
  const lines = [...records.keys(), records.length].map((row) => columns.map((cells) => cells[row] ?? '').join('  '))
  return lines.map((line) => `  ${line.trimEnd()}\n`).join('')
}
