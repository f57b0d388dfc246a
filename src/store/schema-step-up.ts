import type { Governed, Json, Timestamp } from './columns.ts'

/** What one tier or condition asks for before its scopes are given. */
export interface HoldRequirement {
  readonly tier: string
  /** A capability, or the id or name of a person. */
  readonly approver: string
  readonly quorum: number
  readonly scopes: readonly string[]
}

/** A request for gated scopes that waits for people (authority.md, Step-up). */
export interface HoldRow {
  id: string
  zone_id: string
  state: 'pending' | 'approved' | 'rejected' | 'expired' | 'consumed' | 'superseded'
  /** Digest of everything that an approval of it is for. */
  binding: string
  application_id: string
  application_name: string
  session_id: string | null
  user_id: string | null
  resource_id: string
  resource_identifier: string
  scopes: string[]
  policy_set_version_id: string
  requirements: Json<readonly HoldRequirement[]>
  /** The request that made it. */
  request_id: string
  /** Why it was rejected. */
  reason: string | null
  /** The mandate that used it up. */
  mandate_jti: string | null
  revision: number
  interval_seconds: number
  polled_at: Timestamp
  created_at: Timestamp
  expires_at: Timestamp
  decided_at: Timestamp | null
  consumed_at: Timestamp | null
}

export interface HoldDecisionRow {
  id: string
  zone_id: string
  hold_id: string
  approver_id: string
  approver_name: string
  approver_token_id: string
  decision: 'approve' | 'reject'
  /** The tiers towards whose quorum it counts. */
  tiers: string[]
  reason: string | null
  /** When it was found to count no longer. */
  lapsed_at: Timestamp | null
  created_at: Timestamp
}

export interface WebhookRow extends Governed {
  name: string
  name_key: string
  endpoint_url: string
  events: string[]
  sealed_secret: Buffer
}

/** A message on its way to a webhook: written with the act that it tells of, sent afterwards. */
export interface WebhookDeliveryRow {
  id: string
  zone_id: string
  webhook_id: string
  type: string
  /** The exact bytes that are signed and sent, every time. */
  body: string
  state: 'pending' | 'delivered' | 'dead'
  attempts: number
  next_attempt_at: Timestamp
  last_status: number | null
  last_error: string | null
  created_at: Timestamp
  delivered_at: Timestamp | null
}
