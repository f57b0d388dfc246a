import { isDeepStrictEqual } from 'node:util'
import { sql, type Selectable } from 'kysely'
import type { IdKind, ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { Governed } from './columns.ts'
import type { Tables } from './schema.ts'
import type { Json, Tx } from './tx.ts'

/** What the one writer of governed objects knows of each table. */
interface TableFacts {
  readonly kind: IdKind
  readonly json: readonly string[]
  /** Columns that are shown by another name and never by their value. */
  readonly secret: Readonly<Record<string, string>>
  /** Columns that follow from others and stay out of a diff. */
  readonly derived: readonly string[]
}

const tables = {
  applications: facts('application', { json: ['jwks'], secret: { secret_hash: 'client_secret' } }),
  providers: facts('provider', { json: ['settings'], secret: { sealed_secret: 'secret' } }),
  resources: facts('resource', { json: ['operations'] }),
  grants: facts('grant', {}),
  subject_issuers: facts('subjectIssuer', {
    json: ['claims'],
    secret: { sealed_secret: 'secret' },
  }),
  webhooks: facts('webhook', { secret: { sealed_secret: 'signing_secret' } }),
  witnesses: facts('witness', {}),
  policies: facts('policy', {}),
  policy_versions: facts('policyVersion', { json: ['documents'], derived: ['documents'] }),
  policy_sets: facts('policySet', {}),
  policy_set_versions: facts('policySetVersion', {
    json: ['manifest', 'documents'],
    derived: ['documents'],
  }),
} as const satisfies Partial<Record<keyof Tables, TableFacts>>

function facts(kind: IdKind, more: Partial<Omit<TableFacts, 'kind'>>): TableFacts {
  return { kind, json: [], secret: {}, derived: [], ...more }
}

export type GovernedTable = keyof typeof tables
export type ObjectRow<T extends GovernedTable> = Selectable<Tables[T]> & Selectable<Governed>
/** The columns that the caller decides; the writer adds the rest. */
export type ObjectFields<T extends GovernedTable> = Omit<
  ObjectRow<T>,
  'id' | 'zone_id' | 'revision' | 'created_at' | 'updated_at' | 'archived_at'
>

/** Columns of bookkeeping, which no diff shows. */
const bookkeeping = new Set([
  'id',
  'zone_id',
  'name_key',
  'revision',
  'created_at',
  'updated_at',
  'archived_at',
])

type Row = Readonly<Record<string, unknown>>

/** Inserts a governed object and notes the change. Its unique indexes refuse a clash. */
export async function insertObject<T extends GovernedTable>(
  tx: Tx,
  table: T,
  fields: ObjectFields<T>,
  zone: ZoneId = tx.zone,
): Promise<ObjectRow<T>> {
  const row = {
    id: tx.newId(tables[table].kind),
    zone_id: zone,
    revision: await tx.revise(zone),
    created_at: tx.now,
    updated_at: tx.now,
    archived_at: null,
    ...fields,
  }
  const { rows } = await sql<ObjectRow<T>>`
    insert into ${sql.table(table)} (${sql.join(Object.keys(row).map((key) => sql.ref(key)))})
    values (${sql.join(Object.entries(row).map(([key, value]) => encode(table, key, value)))})
    returning *`.execute(tx.queries)
  const inserted = only(rows)
  noteRow(tx, tables[table], null, inserted)
  return inserted
}

/** Changes the given fields of an object; without a real difference nothing is written or noted. */
export async function updateObject<T extends GovernedTable>(
  tx: Tx,
  table: T,
  current: ObjectRow<T>,
  patch: Partial<ObjectFields<T>>,
): Promise<ObjectRow<T>> {
  const differing = Object.entries(patch).filter(
    ([key, value]) => value !== undefined && !same(value, (current as Row)[key]),
  )
  if (differing.length === 0) return current
  const { rows } = await sql<ObjectRow<T>>`
    update ${sql.table(table)}
    set ${sql.join(differing.map(([key, value]) => sql`${sql.ref(key)} = ${encode(table, key, value)}`))},
        revision = ${await tx.revise(current.zone_id as ZoneId)}, updated_at = ${tx.now}
    where id = ${current.id} returning *`.execute(tx.queries)
  const updated = only(rows)
  noteRow(tx, tables[table], current, updated)
  return updated
}

/** Archives an object: it stays readable and decides nothing any more. */
export async function archiveObject<T extends GovernedTable>(
  tx: Tx,
  table: T,
  current: ObjectRow<T>,
): Promise<void> {
  await sql`
    update ${sql.table(table)}
    set archived_at = ${tx.now}, revision = ${await tx.revise(current.zone_id as ZoneId)},
        updated_at = ${tx.now}
    where id = ${current.id}`.execute(tx.queries)
  noteRow(tx, tables[table], current, null)
}

/** By id inside the zone, archived or not. Index: primary key. */
export async function findObject<T extends GovernedTable>(
  queries: Queries,
  zone: ZoneId,
  table: T,
  id: string,
): Promise<ObjectRow<T> | undefined> {
  const { rows } = await sql<ObjectRow<T>>`
    select * from ${sql.table(table)} where id = ${id} and zone_id = ${zone}`.execute(queries)
  return rows[0]
}

/** Live objects with a folded name. Index: <table>_name. */
export async function findByName<T extends GovernedTable>(
  queries: Queries,
  zone: ZoneId,
  table: T,
  nameKey: string,
): Promise<readonly ObjectRow<T>[]> {
  const { rows } = await sql<ObjectRow<T>>`
    select * from ${sql.table(table)}
    where zone_id = ${zone} and name_key = ${nameKey} and archived_at is null`.execute(queries)
  return rows
}

/** Notes a change of the zone itself, whose row is not one of the tables above. */
export function noteZoneChange(tx: Tx, before: Row | null, after: Row | null): void {
  noteRow(tx, zoneFacts, before, after)
}

const zoneFacts = facts('zone', {})

function noteRow(tx: Tx, table: TableFacts, before: Row | null, after: Row | null): void {
  const row = after ?? before
  if (row === null) throw new TypeError('a change needs a row')
  tx.changes.push({
    kind: table.kind,
    id: String(row.id),
    zoneId: String(table === zoneFacts ? row.id : row.zone_id),
    name: typeof row.name === 'string' ? row.name : null,
    effect: before === null ? 'create' : after === null ? 'archive' : 'update',
    before: before && publicFields(table, before, after, false),
    after: after && publicFields(table, after, before, true),
  })
}

/**
 * The fields of a row as a diff shows them. Of a secret it shows only that one is there and, where
 * it differs, that the change makes a new one: nothing that follows from its value.
 */
function publicFields(table: TableFacts, row: Row, other: Row | null, isAfter: boolean) {
  const fields: Record<string, Json> = {}
  for (const [key, value] of Object.entries(row)) {
    if (bookkeeping.has(key) || table.derived.includes(key)) continue
    const shownAs = table.secret[key]
    if (shownAs === undefined) fields[key] = toJson(value)
    else if (value !== null && !(other !== null && same(value, other[key])))
      fields[shownAs] = isAfter ? 'generated at apply' : 'present'
  }
  return fields
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

/** As values of JSON: jsonb keeps an order of keys of its own, which is no difference. */
function same(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(toJson(left ?? null), toJson(right ?? null))
}

function encode(table: GovernedTable, key: string, value: unknown) {
  const known: TableFacts = tables[table]
  return known.json.includes(key)
    ? sql`${value === null ? null : JSON.stringify(value)}::jsonb`
    : sql`${value}`
}

function only<R>(rows: readonly R[]): R {
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no row')
  return row
}
