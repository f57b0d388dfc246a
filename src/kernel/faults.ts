/**
 * Every refusal that a caller can meet, with its HTTP status. The code is the contract: clients
 * branch on it, tests assert it, docs list it. RFC 6749 section 5.2 and RFC 8693 section 2.2.2 name
 * the OAuth codes; the rest are the Admin API's own.
 */
export const faultStatus = {
  // request shape
  invalid_json: 400,
  invalid_body: 400,
  invalid_query: 400,
  invalid_cursor: 400,
  invalid_header: 400,
  payload_too_large: 413,
  request_timeout: 408,
  headers_too_large: 431,
  unsupported_media_type: 415,
  unknown_operation: 404,
  route_not_found: 404,
  // credentials and authority
  invalid_admin_token: 401,
  invalid_mandate: 401,
  admin_token_read_only: 403,
  admin_token_zone_mismatch: 403,
  read_capability_required: 403,
  approve_capability_required: 403,
  audit_capability_required: 403,
  owner_capability_required: 403,
  global_scope_required: 403,
  control_scope_required: 403,
  control_cannot_approve: 403,
  mandate_zone_mismatch: 403,
  session_mandate_required: 403,
  session_mandate_refused: 403,
  agent_session_required: 403,
  delegation_exceeds_parent: 403,
  delegation_too_deep: 403,
  delegation_not_yours: 403,
  capability_escalation: 403,
  person_required: 403,
  origin_not_allowed: 403,
  system_zone_read_only: 403,
  system_zone_refused: 403,
  // state
  not_found: 404,
  zone_not_found: 404,
  zone_archived: 409,
  archived: 409,
  in_use: 409,
  reserved_namespace: 409,
  zone_name_taken: 409,
  application_name_taken: 409,
  provider_name_taken: 409,
  resource_name_taken: 409,
  resource_identifier_taken: 409,
  subject_issuer_name_taken: 409,
  subject_issuer_taken: 409,
  policy_name_taken: 409,
  policy_set_name_taken: 409,
  dcr_disabled: 409,
  dcr_shutdown_required: 409,
  webhook_name_taken: 409,
  witness_name_taken: 409,
  cosignature_invalid: 403,
  audit_pruned: 410,
  last_owner: 409,
  revision_conflict: 412,
  idempotency_key_reused: 422,
  idempotency_in_progress: 409,
  session_not_live: 409,
  delegation_not_live: 409,
  limit_reached: 409,
  conflict: 409,
  // policy
  invalid_document: 422,
  rego_compiler_unavailable: 422,
  unknown_scope: 422,
  unknown_reference: 422,
  ambiguous_reference: 422,
  // plans
  approval_mismatch: 409,
  approval_required: 409,
  approval_expired: 409,
  approval_not_valid: 403,
  approval_state: 409,
  approver_required: 403,
  plan_expired: 409,
  plan_state: 409,
  plan_blocked: 409,
  plan_denied: 403,
  plan_diverged: 409,
  not_undoable: 409,
  lock_out: 409,
  stale: 409,
  second_person_required: 403,
  break_glass_reason_required: 409,
  not_plannable: 422,
  autopilot_off: 409,
  autopilot_unproven: 403,
  mode_is_ask: 403,
  secret_in_message: 422,
  answer_interrupted: 409,
  // OAuth (RFC 6749, 6750, 7009, 7591, 7662, 8628, 8693, 8707, 9449)
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_target: 400,
  invalid_scope: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_dpop_proof: 400,
  invalid_client_metadata: 400,
  invalid_redirect_uri: 400,
  unsupported_response_type: 400,
  access_denied: 403,
  interaction_required: 400,
  slow_down: 400,
  // service
  rate_limited: 429,
  model_unavailable: 503,
  not_ready: 503,
  internal: 500,
} as const

export type FaultCode = keyof typeof faultStatus

export interface FaultOptions {
  /** Public facts that help the caller: never a secret, never another zone's data. */
  readonly details?: Readonly<Record<string, unknown>>
  /** The internal cause: logged, never answered. */
  readonly cause?: unknown
}

/** A refusal with a code from the table. Programmer errors are plain `Error`s instead. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly status: number
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.status = faultStatus[code]
    this.details = options.details
  }
}

/** Throws a {@link Fault}; an expression of type `never`, so it ends a branch. */
export function refuse(code: FaultCode, message: string, options: FaultOptions = {}): never {
  throw new Fault(code, message, options)
}

export function isFault(error: unknown): error is Fault {
  return error instanceof Fault
}
