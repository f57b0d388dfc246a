import { DocumentError, type Place } from './located.ts'

/** A position in a text that moves forward; what the parsers of written constants read with. */
export interface Cursor {
  readonly source: string
  /** The offset at which each line begins. */
  readonly lines: readonly number[]
  /** The offset of what is read next. */
  at: number
  /** How many brackets are open. */
  depth: number
  /** Whether the blanks last skipped held a line break. */
  newLine: boolean
}

const blank = /[ \t\r\n]+/y
const comment = /#[^\n]*/y

export function cursorOver(source: string): Cursor {
  const lines = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) {
    lines.push(at + 1)
  }
  return { source, lines, at: 0, depth: 0, newLine: true }
}

/** The place of an offset, by binary search over the beginnings of lines. */
function placeAt(lines: readonly number[], offset: number): Place {
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((lines[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (lines[low] ?? 0) + 1 }
}

export function here(cursor: Cursor): Place {
  return placeAt(cursor.lines, cursor.at)
}

export function atEnd(cursor: Cursor): boolean {
  return cursor.at >= cursor.source.length
}

export function fail(cursor: Cursor, message: string, place: Place = here(cursor)): never {
  throw new DocumentError(place, message)
}

/** Moves over the exact text if it stands here, and says whether it did. */
export function take(cursor: Cursor, text: string): boolean {
  if (!cursor.source.startsWith(text, cursor.at)) return false
  cursor.at += text.length
  return true
}

/** Moves over what a sticky pattern matches here, and gives it. */
export function takeMatch(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at
  const match = pattern.exec(cursor.source)
  if (match === null) return undefined
  cursor.at = pattern.lastIndex
  return match[0]
}

/** Moves over white space and, where the language has them, `#` comments. */
export function skipBlank(cursor: Cursor, comments: boolean): void {
  cursor.newLine = false
  for (;;) {
    const space = takeMatch(cursor, blank)
    if (space?.includes('\n') === true) cursor.newLine = true
    const more = space !== undefined || (comments && takeMatch(cursor, comment) !== undefined)
    if (!more) return
  }
}
