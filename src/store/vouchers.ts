import { sql, type RawBuilder } from 'kysely'

/**
 * Whether the issuer or the admin token that a row of `table` names as having vouched for a user still
 * stands. Indexes: primary keys.
 */
export function isVouchedFor(table: 'r' | 'c', now: Date): RawBuilder<boolean> {
  const [issuer, token] = [sql.ref(`${table}.issuer_id`), sql.ref(`${table}.admin_token_id`)]
  return sql<boolean>`(
    exists (select from subject_issuers i where i.id = ${issuer} and i.archived_at is null)
    or exists (select from admin_tokens t where t.id = ${token}
      and t.revoked_at is null and (t.expires_at is null or t.expires_at > ${now})))`
}
