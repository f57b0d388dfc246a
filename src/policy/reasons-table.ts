/**
 * The gates of a decision in the order in which they are tried: the first that refuses gives the
 * reason. Those of custom policies come after the conditions (src/policy/custom-decision.ts); the
 * others are `gate_order` of policies/decision.rego, and a test compares the two.
 */
export const gates = [
  'input_malformed',
  'no_active_policy_set',
  'zone_restricted',
  'principal_archived',
  'principal_expired',
  'resource_unknown',
  'resource_archived',
  'no_scope_requested',
  'scope_unknown',
  'no_grant',
  'grant_user_mismatch',
  'grant_expired',
  'confined',
  'condition_denied',
  'custom_policy_failed',
  'custom_policy_timeout',
  'custom_denied',
  'approval_required',
] as const

export type Gate = (typeof gates)[number]

/** What becomes of a contract that gives no answer, or one that cannot be used. */
export type EngineFailure = 'policy_undefined' | 'policy_error'

/** Why a decision does not allow: each has a refusal, an explanation and a case in the tests. */
export type DenyReason = Gate | EngineFailure

/** How a custom policy fails: each is a denial with its own reason. */
export type CustomFailure = Extract<Gate, 'custom_policy_failed' | 'custom_policy_timeout'>
