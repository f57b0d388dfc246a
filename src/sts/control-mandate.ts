import { executor, operator, type Identity } from '../../system-zone/identities.ts'
import { refuse } from '../kernel/faults.ts'
import type { MandateInput } from '../policy/input.ts'
import type { PreparedQuery } from '../store/one-trip.ts'
import type { FactsOfToken } from '../store/control-facts.ts'
import type { MandateTerms } from './claims.ts'
import type { Client } from './client.ts'
import { diagnose } from './draft-event.ts'
import { controlAudience } from './issuer.ts'
import type { Exchange } from './parts.ts'
import { mandateRefusals, otherRefusal } from './refusals-table.ts'

/** Control mandates come from the system zone's issuer alone. */
export function requireSystemIssuer({ zone, parts }: Exchange): void {
  if (zone !== parts.context.system().zone)
    refuse('invalid_request', 'This zone does not exchange that type of token.', {
      details: { reason: 'subject_token_type_unsupported' },
    })
}

/** Which of the Operator's identities a client is; null: another application of the zone. */
export function identityOf({ parts }: Exchange, client: Client): Identity | null {
  const system = parts.context.system()
  if (client.id === system.operator) return operator
  return client.id === system.executor ? executor : null
}

/** The one row that a control mandate stands on, wherever it lies; refuses where there is none. */
export async function requireFacts<R extends object>(
  { parts }: Exchange,
  query: PreparedQuery,
): Promise<R> {
  const [row] = await parts.reader.read<R>('*', query)
  return (
    row ??
    refuse('invalid_request', 'There is nothing of that id.', {
      details: { reason: 'subject_token_unknown' },
    })
  )
}

/** Notes on whose behalf the mandate is asked for. */
export function noteRequester({ event }: Exchange, token: FactsOfToken): void {
  event.onBehalfOf = { id: token.principal_id, name: token.principal_name }
  diagnose(event, { requester_token: token.id })
}

/** Decides by policies/operator.rego; the scopes are those it allows. */
export function decideMandate(exchange: Exchange, input: MandateInput): readonly string[] {
  const { allow, reason, scopes } = exchange.parts.context.policy.operatorMandate(input)
  diagnose(exchange.event, { requested: input.requested })
  if (allow) return scopes
  const missing = lackingOf(input)
  return refuse('access_denied', mandateRefusals[reason] ?? otherRefusal.message, {
    details: { reason, ...(missing.length === 0 ? {} : { missing }) },
  })
}

function lackingOf({ requested, requester, operator_grants: granted }: MandateInput): string[] {
  return requested.filter((scope) => !requester.scopes.includes(scope) || !granted.includes(scope))
}

/** A control mandate: the requester is its subject, and the Operator acts (RFC 8693 section 4.1). */
export function controlTerms(
  exchange: Exchange,
  client: Client,
  token: FactsOfToken,
  own: Pick<MandateTerms, 'target' | 'scopes' | 'lifetimeSeconds' | 'plan' | 'conversation'>,
): MandateTerms {
  return {
    ...own,
    use: 'control',
    sub: token.principal_id,
    sub_type: token.principal_kind,
    client_id: client.id,
    aud: [controlAudience(exchange.parts.context.issuerBase())],
    act: { sub: client.id },
    requester_token: token.id,
    endsAtMs: token.expires_at_ms ?? Infinity,
  }
}
