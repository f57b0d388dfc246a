import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ObjectRow } from './objects.ts'

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
