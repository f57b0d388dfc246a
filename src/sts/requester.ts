import { scopesHeldBy } from '../../tools/held-scopes.ts'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { MandateInput } from '../policy/input.ts'
import type { FactsOfToken } from '../store/control-facts.ts'

/**
 * The person or automation behind a control mandate, with what its admin token holds now. Refuses
 * where the token no longer lives, belongs to somebody else or does not reach the zone: whoever has
 * lost an authority has lost it for what the Operator does on their behalf too.
 */
export function requesterOf(
  token: FactsOfToken,
  asked: { readonly principalId: string; readonly zone: ZoneId; readonly nowMs: number },
): MandateInput['requester'] {
  if (token.principal_id !== asked.principalId) refuseRequester('requester_token_mismatch')
  if (!isLive(token, asked.nowMs)) refuseRequester('requester_token_not_live')
  const global = token.zone_id === null
  if (!global && token.zone_id !== asked.zone) refuseRequester('requester_zone_mismatch')
  return {
    id: token.principal_id,
    kind: token.principal_kind,
    capabilities: token.capabilities,
    scopes: scopesHeldBy(token.capabilities, global),
    global,
  }
}

/** Whether somebody may still approve for a zone, or for the platform (null). */
export function canApprove(token: FactsOfToken, zone: ZoneId | null, nowMs: number): boolean {
  return (
    token.principal_kind === 'person' &&
    token.capabilities.includes('approve') &&
    isLive(token, nowMs) &&
    (token.zone_id === null || token.zone_id === zone)
  )
}

function isLive(token: FactsOfToken, nowMs: number): boolean {
  return !token.revoked && (token.expires_at_ms === null || token.expires_at_ms > nowMs)
}

function refuseRequester(reason: string): never {
  return refuse(
    'access_denied',
    'The admin token of the person who asked gives no authority here.',
    {
      details: { reason },
    },
  )
}
