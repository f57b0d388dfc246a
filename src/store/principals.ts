import { sql, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { AdminTokenRow } from './schema.ts'

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
export function isLive(token: Pick<AdminToken, 'expires_at' | 'revoked_at'>, nowMs: number) {
  return (
    token.revoked_at === null && (token.expires_at === null || token.expires_at.getTime() > nowMs)
  )
}

/** How many people other than one could approve in a zone. Scans the tokens, of which there are few. */
export async function countApprovers(
  queries: Queries,
  zone: ZoneId,
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
