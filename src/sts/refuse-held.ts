import { refuse } from '../kernel/faults.ts'
import type { Hold } from '../store/holds.ts'
import type { Gated, Held } from './hold.ts'
import { approvalRefusals } from './refusals-table.ts'

/**
 * Says what a gated request waits for, or why its approval does not serve it. Neither RFC 6749 nor RFC 8693 has a status of its own for it: section 5.2 of the first makes the
 * errors of a token endpoint 400, and so are those by which a client polls one (RFC 8628 section
 * 3.5), of which this is `authorization_pending` under the name that says what is pending.
 */
export function refuseHeld(gated: Gated, held: Exclude<Held, { kind: 'released' }>): never {
  if (held.kind === 'over') {
    const { code, message } = approvalRefusals[held.reason]
    return refuse(code, message, { details: { reason: held.reason } })
  }
  const { hold } = held
  if (held.kind === 'rejected') {
    const { code, message } = approvalRefusals.approval_rejected
    return refuse(code, `${message}: ${hold.reason ?? ''}`, {
      details: { reason: 'approval_rejected', approval_id: hold.id, rejection: hold.reason },
    })
  }
  const details = waitingFor(gated, hold)
  if (held.kind === 'too_soon')
    return refuse('slow_down', `Ask again in ${hold.interval_seconds} seconds, not before.`, {
      details: { reason: 'polled_too_soon', ...details },
    })
  return refuse(
    'interaction_required',
    `A person has to approve first: ${details.missing.join(' ')}. Repeat the request every ${hold.interval_seconds} seconds.`,
    {
      details: {
        reason: held.kind === 'made' ? 'approval_required' : 'approval_pending',
        ...details,
      },
    },
  )
}

/** What a client shows its user and goes by; times in seconds as OAuth has them. */
function waitingFor({ exchange, obligations }: Gated, hold: Hold) {
  return {
    approval_id: hold.id,
    tier: obligations[0]?.tier ?? null,
    missing: [...new Set(obligations.flatMap(({ scopes }) => scopes))].sort(),
    obligations,
    expires_at: hold.expires_at.toISOString(),
    expires_in: Math.floor((hold.expires_at.getTime() - exchange.nowMs) / 1_000),
    interval: hold.interval_seconds,
  }
}
