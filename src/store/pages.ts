import { sql, type RawBuilder } from 'kysely'
import { refuse } from '../kernel/faults.ts'
import type { Queries } from './database.ts'

/** Which rows of a table a page is made of. */
export interface PageQuery {
  readonly table: string
  /** Conditions that an index of the table serves together with the order. */
  readonly where: readonly RawBuilder<unknown>[]
  /** The unique column that orders the list. */
  readonly by: 'id' | 'position'
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly cursor: string | undefined
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly nextCursor: string | null
}

/** Reads one page and whether there is a next one: the last page is never empty. */
export async function readPage<Row>(queries: Queries, query: PageQuery): Promise<Page<Row>> {
  const after = query.cursor === undefined ? null : placeIn(query)
  const where = [...query.where]
  if (after !== null)
    where.push(sql`${sql.ref(query.by)} ${sql.raw(query.order === 'asc' ? '>' : '<')} ${after}`)
  const { rows } = await sql<Row & Record<string, unknown>>`
    select * from ${sql.table(query.table)}
    where ${where.length === 0 ? sql`true` : sql.join(where, sql` and `)}
    order by ${sql.ref(query.by)} ${sql.raw(query.order)}
    limit ${query.limit + 1}`.execute(queries)
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  return {
    rows: page,
    nextCursor:
      rows.length > query.limit && last !== undefined
        ? encodeCursor(query.table, last[query.by])
        : null,
  }
}

function placeIn({ table, by, cursor = '' }: PageQuery): string | number {
  const place = decodeCursor(table, cursor)
  if (by === 'id' ? isAnyId(place) : Number.isSafeInteger(place)) return place as string | number
  return refuseCursor()
}

function isAnyId(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z]{1,8}_[0-9a-z]{26}$/.test(value)
}

/** The place in a list, as clients carry it: it says which list it is of. */
export function encodeCursor(list: string, place: unknown): string {
  return Buffer.from(JSON.stringify([list, place])).toString('base64url')
}

/** The place that a cursor of this list carries. Refuses `invalid_cursor` for any other text. */
export function decodeCursor(list: string, cursor: string): unknown {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const place: unknown = Array.isArray(read) ? read[1] : undefined
    // Decoding forgives what encoding never writes; one place has one cursor.
    if (encodeCursor(list, place) === cursor) return place
  } catch {
    // Falls through to the refusal: whatever it was, this service did not make it.
  }
  return refuseCursor()
}

export function refuseCursor(): never {
  refuse('invalid_cursor', 'This cursor is not one that this list gave; begin without it.')
}
