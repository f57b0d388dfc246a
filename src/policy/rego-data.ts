import { DocumentError, locatedMap, type Located, type LocatedEntry } from './located.ts'
import { parseTerm, regoDialect } from './term-parser.ts'
import {
  atEnd,
  cursorOver,
  fail,
  here,
  skipBlank,
  take,
  takeMatch,
  type Cursor,
} from './text-cursor.ts'

const header = '# caracal:data-document'
const packageName = 'caracal.authz'
const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y
const dottedPattern = /[A-Za-z_][A-Za-z0-9_.]*/y

/**
 * A Rego data document: the header line, `package caracal.authz`, an optional `import rego.v1` and
 * rules `name := constant`. Anything that would have to be evaluated is refused where it stands:
 * the documents of a zone are data that the contract reads, never code that it runs.
 */
export function parseRegoData(source: string): Located {
  const start = { line: 1, column: 1 }
  if (source.split('\n', 1)[0]?.trimEnd() !== header) {
    throw new DocumentError(start, `the first line must be "${header}"`)
  }
  const cursor = cursorOver(source)
  skipBlank(cursor, true)
  readPackage(cursor)
  const entries: LocatedEntry[] = []
  skipBlank(cursor, true)
  while (!atEnd(cursor)) {
    if (!cursor.newLine) {
      fail(cursor, 'expected the end of the line: only a constant may stand here')
    }
    const entry = readRule(cursor, entries.length === 0)
    if (entry !== null) entries.push(entry)
    skipBlank(cursor, true)
  }
  return locatedMap(start, entries)
}

function readPackage(cursor: Cursor): void {
  const place = here(cursor)
  const keyword = takeMatch(cursor, namePattern)
  skipBlank(cursor, true)
  if (keyword !== 'package' || takeMatch(cursor, dottedPattern) !== packageName) {
    fail(cursor, `expected "package ${packageName}"`, place)
  }
}

/** One rule, or null for the import that may stand before the rules. */
function readRule(cursor: Cursor, first: boolean): LocatedEntry | null {
  const place = here(cursor)
  const key = takeMatch(cursor, namePattern) ?? fail(cursor, 'expected "name := constant"')
  skipBlank(cursor, true)
  if (key === 'import' && first) {
    if (takeMatch(cursor, dottedPattern) === 'rego.v1') return null
    fail(cursor, 'only "import rego.v1" may be imported', place)
  }
  if (!take(cursor, ':=')) {
    fail(cursor, `expected ":=" after "${key}": a data document holds "name := constant" only`)
  }
  skipBlank(cursor, true)
  return { key, place, value: parseTerm(cursor, regoDialect) }
}
