/** Figures of one kind of work for several contestants, side by side. */
export interface Table {
  readonly title: string
  /** Contestants, in the order of the columns. */
  readonly columns: readonly string[]
  /** The contestant that all others are divided by, if there is one for all rows. */
  readonly baseline: string
  readonly rows: readonly Row[]
  /** What a reader has to know: how it was measured, and who is missing and why. */
  readonly notes: readonly string[]
}

export interface Row {
  readonly name: string
  readonly unit: string
  /** By contestant; absent where it does not apply. */
  readonly figures: ReadonlyMap<string, number>
  /** Instead of the table's. */
  readonly baseline?: string
}

/** For a terminal: each figure with its ratio to the baseline. */
export function renderTable(table: Table): string {
  const head = ['', ...table.columns]
  const body = table.rows.map((row) => [
    `${row.name}, ${row.unit}`,
    ...table.columns.map((column) => renderCell(table, row, column)),
  ])
  const widths = head.map((_, index) => Math.max(...[head, ...body].map((cells) => cells[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
  const notes = [`in brackets: divided by ${table.baseline}`, ...table.notes].map((note) => `  ${note}`)
  return [table.title, ...[head, ...body].map((cells) => `  ${line(cells).trimEnd()}`), ...notes, ''].join('\n')
}

/** For another program. */
export function tableAsJson(table: Table): object {
  return {
    ...table,
    rows: table.rows.map((row) => ({
      ...row,
      figures: Object.fromEntries(row.figures),
      ratios: Object.fromEntries(
        table.columns.flatMap((column) => {
          const ratio = ratioOf(table, row, column)
          return ratio === undefined ? [] : [[column, ratio]]
        }),
      ),
    })),
  }
}

function renderCell(table: Table, row: Row, column: string): string {
  const figure = row.figures.get(column)
  if (figure === undefined) return '–'
  const ratio = ratioOf(table, row, column)
  return `${renderFigure(figure)} ${ratio === undefined ? '      ' : `(${ratio.toFixed(2)})`.padStart(6)}`
}

function ratioOf(table: Table, row: Row, column: string): number | undefined {
  const figure = row.figures.get(column)
  const base = row.figures.get(row.baseline ?? table.baseline)
  return figure === undefined || base === undefined || base === 0 ? undefined : figure / base
}

/** Three digits or so: the machine is too noisy for more. */
function renderFigure(figure: number): string {
  const digits = figure === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(figure))))
  return figure.toLocaleString('en', {
    minimumFractionDigits: Math.min(digits, 3),
    maximumFractionDigits: Math.min(digits, 3),
  })
}
