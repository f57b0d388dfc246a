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
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, query.by)
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
      rows.length > query.limit && last !== undefined ? encodeCursor(last[query.by]) : null,
  }
}

function encodeCursor(value: unknown): string {
  return Buffer.from(JSON.stringify([value])).toString('base64url')
}

function decodeCursor(cursor: string, by: PageQuery['by']): string | number {
  try {
    const [value] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if (by === 'id' ? typeof value === 'string' : Number.isSafeInteger(value))
      return value as string | number
  } catch {
    // Falls through to the refusal: whatever it was, this service did not make it.
  }
  refuse('invalid_cursor', 'This cursor is not one that a list gave; begin without it.')
}
