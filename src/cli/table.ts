import { displayWidth, padEnd, wrapLine } from './safe-text.ts'

export interface TableStyle {
  readonly columns: number
  readonly head: (text: string) => string
}

const gap = '  '

/** Stands for a space at which a cell is not to be broken. */
export const tie = '\u00a0'

/**
 * A table that fits the terminal. Cells are wrapped at spaces, widest column first; words, and so
 * ids, are never cut. Where that is not enough, `optional` columns are left out, the last first; and
 * where that is not either, every row becomes a block of its own, with all of them.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: TableStyle,
  optional: readonly number[] = [],
): string {
  for (let left = optional.length; left >= 0; left -= 1) {
    const dropped = new Set(optional.slice(left))
    const keep = (row: readonly string[]): readonly string[] =>
      row.filter((_, i) => !dropped.has(i))
    const table = tableOf(keep(head), rows.map(keep), style)
    if (table !== null) return table
  }
  return rows.map((row) => block(head, row, style)).join('\n\n')
}

function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: TableStyle,
): string | null {
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => displayWidth(row[i] ?? ''))))
  const least = head.map((_, i) => Math.max(...all.map((row) => longestWord(row[i] ?? ''))))
  const fitted = fit(widths, least, style.columns - gap.length * (head.length - 1))
  if (fitted === null) return null
  return all.map((row, i) => line(row, fitted, i === 0 ? style.head : plain)).join('\n')
}

/** One object, a field a line; values that are too long go on under themselves. */
export function renderFields(
  fields: readonly (readonly [string, string])[],
  style: TableStyle,
): string {
  const labels = Math.max(0, ...fields.map(([label]) => displayWidth(label)))
  const room = Math.max(style.columns - labels - gap.length, 20)
  return fields
    .map(([label, value]) => {
      const lines = value.split('\n').flatMap((part) => wrapLine(part, room))
      const indent = `\n${' '.repeat(labels)}${gap}`
      return `${style.head(padEnd(label, labels))}${gap}${lines.join(indent)}`.trimEnd()
    })
    .join('\n')
}

/** The widths after the widest columns have given way; null where words alone are too wide. */
function fit(
  widths: readonly number[],
  least: readonly number[],
  room: number,
): readonly number[] | null {
  if (sum(least) > room) return null
  const fitted = [...widths]
  while (sum(fitted) > room) {
    const spare = fitted.map((width, i) => width - (least[i] ?? 0))
    const givers = fitted.map((width, i) => ((spare[i] ?? 0) > 0 ? width : 0))
    const widest = givers.indexOf(Math.max(...givers))
    fitted[widest] = (fitted[widest] ?? 1) - 1
  }
  return fitted
}

function line(
  row: readonly string[],
  widths: readonly number[],
  paint: (text: string) => string,
): string {
  const cells = widths.map((width, i) => wrapLine(row[i] ?? '', width))
  const height = Math.max(...cells.map((cell) => cell.length))
  return Array.from({ length: height }, (_, at) =>
    paint(
      widths
        .map((width, i) => padEnd(cells[i]?.[at] ?? '', width))
        .join(gap)
        .trimEnd()
        .replaceAll(tie, ' '),
    ),
  ).join('\n')
}

function block(head: readonly string[], row: readonly string[], style: TableStyle): string {
  return renderFields(
    head.flatMap((label, i) => ((row[i] ?? '') === '' ? [] : [[label, row[i] ?? ''] as const])),
    style,
  )
}

function longestWord(cell: string): number {
  return Math.max(...cell.split(' ').map(displayWidth))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function plain(text: string): string {
  return text
}
