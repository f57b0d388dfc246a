import type { FaultCode } from '../kernel/faults.ts'
import type { DenyReason } from '../policy/reasons-table.ts'

/** What a client is told about each reason of the decision contract (policies/README.md). */
interface Refusal {
  readonly code: FaultCode
  readonly message: string
}

/** What an unknown reason becomes: a denial all the same. */
export const otherRefusal: Refusal = {
  code: 'access_denied',
  message: 'The policy of the zone does not allow this.',
}

/** A message that does not end is followed by the scopes that it is about. */
export const decisionRefusals: Readonly<Record<DenyReason, Refusal>> = {
  input_malformed: {
    code: 'access_denied',
    message: 'A fact that the decision needs was missing, which refuses; report it.',
  },
  policy_undefined: {
    code: 'access_denied',
    message: 'The policy of the service gave no answer, which refuses; report it.',
  },
  policy_error: {
    code: 'access_denied',
    message: 'The policy of the service could not be evaluated, which refuses.',
  },
  no_active_policy_set: {
    code: 'access_denied',
    message: 'The zone has no active policy set, so it authorizes nothing; activate one.',
  },
  zone_restricted: {
    code: 'access_denied',
    message: 'The zone is frozen: a restrict document is active.',
  },
  principal_archived: { code: 'access_denied', message: 'The application is archived.' },
  principal_expired: {
    code: 'access_denied',
    message: 'The registration of the application has expired; register it anew.',
  },
  resource_unknown: {
    code: 'invalid_target',
    message: 'The zone has no such resource; name it by identifier or id.',
  },
  resource_archived: { code: 'invalid_target', message: 'The resource is archived.' },
  no_scope_requested: { code: 'invalid_scope', message: 'No scope is left to ask for.' },
  scope_unknown: { code: 'invalid_scope', message: 'The resource has no such scope' },
  no_grant: { code: 'access_denied', message: 'No grant gives this application' },
  grant_user_mismatch: {
    code: 'access_denied',
    message: 'The grants are bound to another user, so this application does not hold',
  },
  grant_expired: { code: 'access_denied', message: 'The grant has expired that gave' },
  confined: { code: 'access_denied', message: 'A confinement keeps this application from' },
  condition_denied: { code: 'access_denied', message: 'A condition of the zone denies' },
  custom_policy_failed: {
    code: 'access_denied',
    message: 'A custom policy of the zone failed, which denies',
  },
  custom_policy_timeout: {
    code: 'access_denied',
    message: 'A custom policy of the zone took too long, which denies',
  },
  custom_denied: { code: 'access_denied', message: 'A custom policy of the zone denies' },
  approval_required: { code: 'interaction_required', message: 'A person has to approve first' },
}

export function refusalOf(reason: string): Refusal {
  return Object.hasOwn(decisionRefusals, reason)
    ? decisionRefusals[reason as DenyReason]
    : otherRefusal
}

/**
 * What a client is told about an approval that does not serve its request. An approval is an
 * authorization grant that people give (RFC 6749 section 5.2, `invalid_grant`).
 */
export const approvalRefusals = {
  approval_rejected: { code: 'access_denied', message: 'A person has rejected this request' },
  approval_unknown: {
    code: 'invalid_grant',
    message: 'This client has no such approval; leave approval_id out to ask for one.',
  },
  approval_mismatch: {
    code: 'invalid_grant',
    message: 'That approval is for another request: the same client, session and scopes only.',
  },
  approval_superseded: {
    code: 'invalid_grant',
    message: 'The policy of the zone has changed since; leave approval_id out to ask anew.',
  },
  approval_expired: {
    code: 'invalid_grant',
    message: 'That approval has expired; leave approval_id out to ask anew.',
  },
  approval_consumed: {
    code: 'invalid_grant',
    message: 'That approval was used; leave approval_id out to ask anew.',
  },
  approvals_limit_reached: {
    code: 'access_denied',
    message: 'Too many requests of this client wait for approval; await or let lapse some of them.',
  },
} as const satisfies Readonly<Record<string, Refusal>>

/** What a client of the Operator is told about the reasons of the operator contract. */
export const mandateRefusals: Readonly<Record<string, string>> = {
  system_zone_refused: 'The Operator has no authority in a system zone.',
  zone_archived: 'The zone is archived: it mints nothing.',
  client_not_operator: 'Only the Operator gets this mandate.',
  global_scope_required: 'The person who asked does not have global scope.',
  nothing_requested: 'The person who asked may read nothing here that the Operator may read.',
  scope_not_read: 'This mandate may only read.',
  requester_lacks_scope: 'The person who asked does not hold what is requested.',
  operator_lacks_scope: 'The Operator is not granted what is requested.',
  plan_not_approved: 'The plan is not approved.',
  plan_expired: 'The plan has expired; preview it again.',
  plan_scope_exceeds: 'The plan does not need what is requested.',
  plan_scope_missing: 'A plan mandate carries everything that the plan needs.',
  approval_digest_mismatch: 'An approval names another digest: the plan is not what was approved.',
  approval_consumed: 'An approval was used already.',
  approval_expired: 'The approval has expired; approve the plan again.',
  autopilot_off:
    'Autopilot approved this plan and has been switched off since: a person decides now.',
  autopilot_unproven: 'Autopilot approved a plan that it may not approve.',
  approvals_missing: 'The plan needs more approvals.',
  approver_lacks_capability: 'Who approved can no longer approve.',
  approver_is_requester: 'A second person has to approve this plan.',
}
