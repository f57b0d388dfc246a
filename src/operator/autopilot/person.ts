import { adminPrincipal } from '../../gate/admin-token.ts'
import { holds } from '../../gate/authorize.ts'
import type { AdminPrincipal } from '../../gate/principal.ts'
import type { Queries } from '../../store/database.ts'
import { findToken, isLive } from '../../store/principals.ts'
import type { ProofFacts } from './facts.ts'

/** A live admin token as the authority that it is now; null where it has ended. */
export async function authorityOf(
  queries: Queries,
  tokenId: string | null,
  nowMs: number,
): Promise<AdminPrincipal | null> {
  const token = tokenId === null ? undefined : await findToken(queries, tokenId)
  return token === undefined || !isLive(token, nowMs) ? null : adminPrincipal(token)
}

/** Whether somebody who has opted in could give the approval by hand, in this zone, now. */
export function personFacts(person: AdminPrincipal | null, zone: string): ProofFacts['person'] {
  return {
    id: person?.id ?? '',
    is_person: person?.person === true,
    can_approve:
      person !== null && holds(person, 'approve') && (person.zone === null || person.zone === zone),
  }
}
