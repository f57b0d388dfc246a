import type { ZoneId } from '../kernel/ids.ts'
import { endVouchedFor } from './cascades.ts'
import type { Queries } from './database.ts'
import { archiveObject, type ObjectRow } from './objects.ts'
import type { Tx } from './tx.ts'

export type SubjectIssuer = ObjectRow<'subject_issuers'>

/** What the client secret of a subject issuer is sealed for. */
export function subjectIssuerPurpose(id: string): string {
  return `subject_issuer:${id}`
}

/** The live subject issuer that calls itself so. Index: subject_issuers_issuer. */
export async function findSubjectIssuer(
  queries: Queries,
  zone: ZoneId,
  issuer: string,
): Promise<SubjectIssuer | undefined> {
  return queries
    .selectFrom('subject_issuers')
    .selectAll()
    .where('zone_id', '=', zone)
    .where('issuer', '=', issuer)
    .where('archived_at', 'is', null)
    .executeTakeFirst()
}

/**
 * Archives a subject issuer, and ends the sessions of the users that it vouched for. Its row comes
 * first, so that nobody whom it vouches for begins one in between.
 */
export async function archiveSubjectIssuer(tx: Tx, current: SubjectIssuer): Promise<void> {
  await archiveObject(tx, 'subject_issuers', current)
  await endVouchedFor(tx.queries, current.zone_id as ZoneId, tx.now, current.id)
}

/**
 * Whether an issuer still vouches for its users, which then stays so until the transaction ends.
 * Index: primary key.
 */
export async function holdSubjectIssuer(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<boolean> {
  const row = await queries
    .selectFrom('subject_issuers')
    .select('id')
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .where('archived_at', 'is', null)
    .forShare()
    .executeTakeFirst()
  return row !== undefined
}

/** How many providers a sign-in page offers at the most. */
const issuersOffered = 20

/** The live issuers with which people sign in. Index: subject_issuers_zone. */
export async function signInIssuers(
  queries: Queries,
  zone: ZoneId,
): Promise<readonly Pick<SubjectIssuer, 'id' | 'name'>[]> {
  return queries
    .selectFrom('subject_issuers')
    .select(['id', 'name'])
    .where('zone_id', '=', zone)
    .where('sign_in', '=', true)
    .where('archived_at', 'is', null)
    .orderBy('id')
    .limit(issuersOffered)
    .execute()
}
