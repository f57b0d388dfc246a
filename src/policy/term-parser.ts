import { limits } from '../kernel/limits.ts'
import { locatedMap, plainValue, type Located, type LocatedEntry, type Place } from './located.ts'
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

/**
 * What the two written forms of constants differ in: RFC 8259 JSON, and the constant terms of Rego
 * (OPA's policy language, scalar and composite values and sets), which are a superset of it.
 */
export interface Dialect {
  readonly rawStrings: boolean
  readonly sets: boolean
  readonly trailingCommas: boolean
  readonly comments: boolean
  /** What may stand where a value is expected. */
  readonly values: string
}

const jsonDialect: Dialect = {
  rawStrings: false,
  sets: false,
  trailingCommas: false,
  comments: false,
  values: 'a JSON value',
}

export const regoDialect: Dialect = {
  rawStrings: true,
  sets: true,
  trailingCommas: true,
  comments: true,
  values: 'a constant: a string, number, boolean, null, array, object or set',
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/y
// Everything that a JSON string may hold unescaped (RFC 8259 section 7).
const plainCharacters = /[^"\\\u0000-\u001f]+/y
const unicodeEscape = /u[0-9a-fA-F]{4}/y
const rawCharacters = /[^`]*/y

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

const words: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
])

/** One JSON value and nothing else (RFC 8259). */
export function parseJson(source: string): Located {
  const cursor = cursorOver(source)
  skipBlank(cursor, jsonDialect.comments)
  const value = parseTerm(cursor, jsonDialect)
  skipBlank(cursor, jsonDialect.comments)
  if (!atEnd(cursor)) fail(cursor, 'expected the end of the document')
  return value
}

/** The constant that stands here; linear in its length, no deeper than `limits.documentDepth`. */
export function parseTerm(cursor: Cursor, dialect: Dialect): Located {
  const place = here(cursor)
  const next = cursor.source[cursor.at]
  if (next === '{' || next === '[') return nested(cursor, dialect, place, next)
  if (next === '"') return { kind: 'scalar', place, value: quotedString(cursor) }
  if (next === '`' && dialect.rawStrings) return { kind: 'scalar', place, value: rawString(cursor) }
  const digits = takeMatch(cursor, numberPattern)
  if (digits !== undefined) return { kind: 'scalar', place, value: number(cursor, digits, place) }
  return word(cursor, dialect, place)
}

function nested(cursor: Cursor, dialect: Dialect, place: Place, bracket: '{' | '['): Located {
  cursor.depth++
  if (cursor.depth > limits.documentDepth) {
    fail(cursor, `nested deeper than ${limits.documentDepth} levels; flatten the document`)
  }
  cursor.at++
  const node = bracket === '[' ? list(cursor, dialect, place) : braces(cursor, dialect, place)
  cursor.depth--
  return node
}

function word(cursor: Cursor, dialect: Dialect, place: Place): Located {
  const name = takeMatch(cursor, wordPattern) ?? ''
  const value = words.get(name)
  if (value !== undefined) return { kind: 'scalar', place, value }
  if (name === 'set' && dialect.sets && take(cursor, '(')) {
    skipBlank(cursor, dialect.comments)
    // `{}` is the empty object, so the empty set has a form of its own.
    if (take(cursor, ')')) return { kind: 'list', place, items: [] }
  }
  fail(cursor, `expected ${dialect.values}`, place)
}

function number(cursor: Cursor, digits: string, place: Place): number {
  const value = Number(digits)
  if (!Number.isFinite(value)) fail(cursor, 'the number is too large', place)
  return value
}

function quotedString(cursor: Cursor): string {
  const start = here(cursor)
  cursor.at++
  const parts: string[] = []
  for (;;) {
    parts.push(takeMatch(cursor, plainCharacters) ?? '')
    if (take(cursor, '"')) return parts.join('')
    if (atEnd(cursor)) fail(cursor, 'the string is not closed', start)
    if (!take(cursor, '\\')) {
      fail(cursor, 'a string holds no line breaks or control characters; escape them')
    }
    parts.push(escapeSequence(cursor))
  }
}

/** What stands for the escape whose backslash has been read. */
function escapeSequence(cursor: Cursor): string {
  const unicode = takeMatch(cursor, unicodeEscape)
  if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode.slice(1), 16))
  const letter = cursor.source[cursor.at] ?? ''
  const meaning = escapes.get(letter) ?? fail(cursor, `"\\${letter}" is no escape`)
  cursor.at++
  return meaning
}

function rawString(cursor: Cursor): string {
  const start = here(cursor)
  cursor.at++
  const text = takeMatch(cursor, rawCharacters) ?? ''
  if (!take(cursor, '`')) fail(cursor, 'the raw string is not closed', start)
  return text
}

function list(cursor: Cursor, dialect: Dialect, place: Place): Located {
  const items: Located[] = []
  eachUntil(cursor, dialect, ']', () => {
    items.push(parseTerm(cursor, dialect))
  })
  return { kind: 'list', place, items }
}

/** An object or a set, from after its brace: the first entry tells which. */
function braces(cursor: Cursor, dialect: Dialect, place: Place): Located {
  const entries: LocatedEntry[] = []
  const members: Located[] = []
  eachUntil(cursor, dialect, '}', () => {
    const keyPlace = here(cursor)
    const key = parseTerm(cursor, dialect)
    skipBlank(cursor, dialect.comments)
    if (members.length === 0 && take(cursor, ':')) {
      skipBlank(cursor, dialect.comments)
      const name = keyText(cursor, key)
      entries.push({ key: name, place: keyPlace, value: parseTerm(cursor, dialect) })
    } else if (entries.length === 0 && dialect.sets) members.push(key)
    else fail(cursor, 'expected ":" after the key of an object')
  })
  return members.length > 0 ? setOf(place, members) : locatedMap(place, entries)
}

function keyText(cursor: Cursor, key: Located): string {
  if (key.kind === 'scalar' && typeof key.value === 'string') return key.value
  fail(cursor, 'the key of an object must be a string', key.place)
}

/** Reads items that commas part, up to and with the closing bracket. */
function eachUntil(cursor: Cursor, dialect: Dialect, close: string, item: () => void): void {
  skipBlank(cursor, dialect.comments)
  if (take(cursor, close)) return
  for (;;) {
    item()
    skipBlank(cursor, dialect.comments)
    if (take(cursor, close)) return
    if (!take(cursor, ',')) fail(cursor, `expected "," or "${close}"`)
    skipBlank(cursor, dialect.comments)
    if (dialect.trailingCommas && take(cursor, close)) return
  }
}

/** A set as a list: each member once, where it was first written. */
function setOf(place: Place, members: readonly Located[]): Located {
  const items = new Map<string, Located>()
  for (const member of members) {
    const text = JSON.stringify(plainValue(member))
    if (!items.has(text)) items.set(text, member)
  }
  return { kind: 'list', place, items: [...items.values()] }
}
