import { sql, type Insertable, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import type { AuthorizationCodeRow, SignInRow } from './schema-people.ts'
import { isVouchedFor } from './vouchers.ts'

/** A code with what it rests upon. */
export type AuthorizationCode = Selectable<AuthorizationCodeRow> & {
  /** Whether the issuer or the admin token that vouched for the user still stands. */
  readonly is_vouched_for: boolean
}
export type SignIn = Selectable<SignInRow>

export async function insertSignIn(queries: Queries, signIn: Insertable<SignInRow>): Promise<void> {
  await queries.insertInto('sign_ins').values(signIn).execute()
}

/** A sign-in that has come back, which is then gone: it comes back once. Index: primary key. */
export async function takeSignIn(
  queries: Queries,
  zone: ZoneId,
  stateHash: string,
): Promise<SignIn | undefined> {
  return queries
    .deleteFrom('sign_ins')
    .where('state_hash', '=', stateHash)
    .where('zone_id', '=', zone)
    .returningAll()
    .executeTakeFirst()
}

export async function insertCode(
  queries: Queries,
  code: Insertable<AuthorizationCodeRow>,
): Promise<void> {
  await queries.insertInto('authorization_codes').values(code).execute()
}

/** Redeemed or not: what was redeemed is kept for as long as it could be tried again. Index: primary key. */
export async function findCode(
  queries: Queries,
  zone: ZoneId,
  codeHash: string,
  now: Date,
): Promise<AuthorizationCode | undefined> {
  const { rows } = await sql<AuthorizationCode>`
    select c.*, ${isVouchedFor('c', now)} as is_vouched_for
    from authorization_codes c where c.code_hash = ${codeHash} and c.zone_id = ${zone}`.execute(
    queries,
  )
  return rows[0]
}

/** Redeems a code for a session; false where it was redeemed before. Index: primary key. */
export async function redeemCode(
  queries: Queries,
  zone: ZoneId,
  codeHash: string,
  session: string,
): Promise<boolean> {
  const row = await queries
    .updateTable('authorization_codes')
    .set({ session_id: session })
    .where('code_hash', '=', codeHash)
    .where('zone_id', '=', zone)
    .where('session_id', 'is', null)
    .returning('code_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** Forgets sign-ins and codes that have expired, in every zone. Indexes: sign_ins_age, authorization_codes_age. */
export async function deleteExpiredSignIns(queries: Queries, before: Date): Promise<void> {
  await queries.deleteFrom('sign_ins').where('expires_at', '<', before).execute()
  // As long as a mandate may live, so that a code used twice is told from one made up.
  const mandatesEnded = new Date(before.getTime() - limits.mandateTtlSeconds * 1_000)
  await queries.deleteFrom('authorization_codes').where('expires_at', '<', mandatesEnded).execute()
}
