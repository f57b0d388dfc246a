import { refuse } from '../kernel/faults.ts'
import type { Capability } from '../../tools/operation.ts'
import type { Clock } from '../kernel/clock.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { hashOfSecret } from '../kernel/bearer-secret.ts'
import type { Database } from '../store/database.ts'
import { findTokenByHash, isLive, touchToken, type AdminToken } from '../store/principals.ts'
import type { AdminPrincipal } from './principal.ts'

/**
 * The principal of an admin token. The lookup is by the token's hash: one index read, and nothing
 * about the token can be learned from how long it takes.
 */
export async function authenticateAdmin(
  context: { readonly db: Database; readonly clock: Clock },
  token: string,
): Promise<AdminPrincipal> {
  const nowMs = context.clock.now()
  const found = await findTokenByHash(context.db.unzoned, hashOfSecret(token))
  if (found === undefined || !isLive(found, nowMs))
    refuse('invalid_admin_token', 'The admin token is unknown, revoked or expired.')
  if (isWorthNoting(found.last_used_at, nowMs))
    await touchToken(context.db.unzoned, found.id, new Date(nowMs))
  return adminPrincipal(found)
}

/** The time of the last use is kept to the minute, so that a busy token costs no writes. */
function isWorthNoting(lastUsed: Date | null, nowMs: number): boolean {
  return lastUsed === null || nowMs - lastUsed.getTime() > 60_000
}

export function adminPrincipal(token: AdminToken): AdminPrincipal {
  return {
    kind: 'admin',
    id: token.principal_id,
    name: token.principal_name,
    person: token.principal_kind === 'person',
    tokenId: token.id,
    zone: token.zone_id as ZoneId | null,
    capabilities: new Set(token.capabilities as Capability[]),
  }
}
