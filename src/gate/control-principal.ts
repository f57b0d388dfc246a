import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import { findToken, isLive } from '../store/principals.ts'
import type { ControlPrincipal } from './principal.ts'

/** What the STS has verified of a control mandate. */
export interface VerifiedControl {
  readonly jti: string
  readonly clientId: string
  readonly principalId: string
  readonly target: ZoneId | 'platform'
  readonly scopes: readonly string[]
  readonly plan: ControlPrincipal['plan']
  readonly conversationId: string | null
  readonly requesterTokenId: string
}

/**
 * The principal of a verified control mandate. It ends at once with the admin token of whoever
 * asked, however long the mandate itself would still live. Index: primary key of admin_tokens.
 */
export async function controlPrincipal(
  queries: Queries,
  mandate: VerifiedControl,
  nowMs: number,
  nameOfClient: (clientId: string) => string,
): Promise<ControlPrincipal> {
  const token = await findToken(queries, mandate.requesterTokenId)
  if (token?.principal_id !== mandate.principalId || !isLive(token, nowMs))
    refuse('invalid_mandate', 'The person’s credential behind this mandate has ended.', {
      details: { reason: 'requester_ended' },
    })
  return {
    kind: 'control',
    id: mandate.principalId,
    name: token.principal_name,
    tokenId: token.id,
    jti: mandate.jti,
    clientId: mandate.clientId,
    clientName: nameOfClient(mandate.clientId),
    target: mandate.target,
    scopes: new Set(mandate.scopes),
    plan: mandate.plan,
    conversationId: mandate.conversationId,
  }
}
