import { sql, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import { readPage, type Page } from './pages.ts'
import type { AdminTokenRow } from './schema.ts'
import { endOfMandatesAt, insertRevocations } from './revocations.ts'
import type { Tx } from './tx.ts'

/** An admin token with the person or automation that it belongs to. */
export type AdminToken = Selectable<AdminTokenRow> & {
  readonly principal_name: string
  readonly principal_kind: 'person' | 'automation'
}

const joined = sql`
  select t.*, p.name as principal_name, p.kind as principal_kind
  from admin_tokens t join principals p on p.id = t.principal_id`

/** By the SHA-256 of its value. Index: admin_tokens_hash. */
export async function findTokenByHash(
  queries: Queries,
  hash: string,
): Promise<AdminToken | undefined> {
  const { rows } = await sql<AdminToken>`${joined} where t.token_hash = ${hash}`.execute(queries)
  return rows[0]
}

/** Index: primary key. */
export async function findToken(queries: Queries, id: string): Promise<AdminToken | undefined> {
  const { rows } = await sql<AdminToken>`${joined} where t.id = ${id}`.execute(queries)
  return rows[0]
}

/** Whether a token can still be used at a time. */
export function isLive(
  token: Pick<AdminToken, 'expires_at' | 'revoked_at'>,
  nowMs: number,
): boolean {
  return (
    token.revoked_at === null && (token.expires_at === null || token.expires_at.getTime() > nowMs)
  )
}

/**
 * How many people other than one could approve in a zone, or for the platform (null). Scans the
 * tokens, of which there are few.
 */
export async function countApprovers(
  queries: Queries,
  zone: ZoneId | null,
  exceptPrincipal: string,
  now: Date,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct t.principal_id) as count
    from admin_tokens t join principals p on p.id = t.principal_id
    where p.kind = 'person' and t.principal_id <> ${exceptPrincipal}
      and t.revoked_at is null and (t.expires_at is null or t.expires_at > ${now})
      and 'approve' = any(t.capabilities)
      and (t.zone_id is null or t.zone_id = ${zone})`.execute(queries)
  return rows[0]?.count ?? 0
}

/** The principal of a kind and name, made when there is none. Index: principals_name. */
export async function ensurePrincipal(
  tx: Tx,
  principal: { name: string; name_key: string; kind: 'person' | 'automation' },
): Promise<{ readonly id: string }> {
  await tx.queries
    .insertInto('principals')
    .values({ ...principal, id: tx.newId('principal'), created_at: tx.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return tx.queries
    .selectFrom('principals')
    .select('id')
    .where('kind', '=', principal.kind)
    .where('name_key', '=', principal.name_key)
    .executeTakeFirstOrThrow()
}

export async function insertToken(
  tx: Tx,
  token: Pick<
    AdminToken,
    'principal_id' | 'token_hash' | 'zone_id' | 'capabilities' | 'expires_at'
  >,
): Promise<string> {
  const id = tx.newId('adminToken')
  await tx.queries
    .insertInto('admin_tokens')
    .values({
      ...token,
      id,
      revision: 1,
      last_used_at: null,
      revoked_at: null,
      created_at: tx.now,
    })
    .execute()
  return id
}

export async function replaceTokenHash(tx: Tx, id: string, hash: string): Promise<void> {
  await tx.queries
    .updateTable('admin_tokens')
    .set((eb) => ({ token_hash: hash, revision: eb('revision', '+', 1) }))
    .where('id', '=', id)
    .execute()
}

/**
 * Ends a token, and with it the control mandates that stand on it. The transaction's zone is the
 * system zone, whose mandates they are.
 */
export async function revokeToken(tx: Tx, id: string): Promise<void> {
  await tx.queries
    .updateTable('admin_tokens')
    .set((eb) => ({ revoked_at: tx.now, revision: eb('revision', '+', 1) }))
    .where('id', '=', id)
    .execute()
  await insertRevocations(tx.queries, tx.zone, tx.now, [
    { anchor: 'requester_token', value: id, expiresAt: endOfMandatesAt(tx.nowMs) },
  ])
}

/** Whether another live token could still manage tokens. Scans the tokens, of which there are few. */
export async function otherLiveOwners(tx: Tx, exceptId: string): Promise<boolean> {
  const row = await tx.queries
    .selectFrom('admin_tokens')
    .select('id')
    .where('id', '<>', exceptId)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', tx.now)]))
    .where(sql<boolean>`'owner' = any(capabilities)`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** A page of every admin token, oldest first. Index: primary key. */
export async function readTokens(
  queries: Queries,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Page<AdminToken>> {
  const { rows, nextCursor } = await readPage<{ id: string }>(queries, {
    table: 'admin_tokens',
    where: [],
    by: 'id',
    order: 'asc',
    limit: page.limit,
    cursor: page.cursor,
  })
  const ids = rows.map((row) => row.id)
  const found = await sql<AdminToken>`${joined} where t.id = any(${ids}) order by t.id`.execute(
    queries,
  )
  return { rows: found.rows, nextCursor }
}

/** Notes when a token was used. Index: primary key. */
export async function touchToken(queries: Queries, id: string, now: Date): Promise<void> {
  await queries
    .updateTable('admin_tokens')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .execute()
}
