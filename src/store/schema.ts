import type { ColumnType, Generated, JSONColumnType } from 'kysely'

/** A JSON column: read as a value, written as its text. */
type Json<T> = ColumnType<T, string, string>
type Timestamp = ColumnType<Date, Date, Date>

/** The columns that every governed object of a zone has. */
export interface Governed {
  id: string
  zone_id: string
  /** The zone's revision at the last change of the object. */
  revision: number
  created_at: Timestamp
  updated_at: Timestamp
  archived_at: Timestamp | null
}

export interface ZoneRow {
  id: string
  name: string
  name_key: string
  slug: string
  system: boolean
  dcr_enabled: boolean
  active_policy_set_version_id: string | null
  revision: number
  created_at: Timestamp
  updated_at: Timestamp
  archived_at: Timestamp | null
}

export interface ZoneKeyRow {
  id: string
  zone_id: string
  public_jwk: Json<Record<string, string>>
  sealed_private: Buffer
  state: 'active' | 'retired'
  created_at: Timestamp
  retired_at: Timestamp | null
}

export interface ApplicationRow extends Governed {
  name: string
  name_key: string
  kind: 'managed' | 'dcr'
  auth_method: 'client_secret' | 'private_key_jwt'
  secret_hash: string | null
  jwks: Json<{ keys: { kty: string }[] } | null>
  labels: string[]
  expires_at: Timestamp | null
}

export interface ProviderRow extends Governed {
  name: string
  name_key: string
  settings: Json<{ kind: string }>
  sealed_secret: Buffer | null
}

export interface ResourceRow extends Governed {
  name: string
  name_key: string
  identifier: string
  scopes: string[]
  operations: Json<{ method: string; path: string; scope: string }[]>
  upstream_url: string | null
  credential_provider_id: string | null
}

export interface GrantRow extends Governed {
  application_id: string
  user_id: string | null
  resource_id: string
  scopes: string[]
  expires_at: Timestamp | null
}

export interface PolicyRow extends Governed {
  name: string
  name_key: string
  description: string
}

export interface PolicyVersionRow extends Governed {
  policy_id: string
  number: number
  language: 'json' | 'yaml' | 'rego'
  source: string
  documents: Json<Record<string, unknown>>
  digest: string
}

export interface PolicySetRow extends Governed {
  name: string
  name_key: string
  description: string
}

export interface PolicySetVersionRow extends Governed {
  policy_set_id: string
  number: number
  manifest: Json<{ policy_version_id: string }[]>
  /** The documents of the manifest, merged once: what the decision reads. */
  documents: Json<Record<string, unknown>>
  digest: string
}

export interface PolicyActivationRow {
  id: Generated<number>
  zone_id: string
  version_id: string
  previous_version_id: string | null
  activated_at: Timestamp
}

export interface PrincipalRow {
  id: string
  name: string
  name_key: string
  kind: 'person' | 'automation'
  created_at: Timestamp
}

export interface AdminTokenRow {
  id: string
  principal_id: string
  token_hash: string
  zone_id: string | null
  capabilities: string[]
  revision: number
  expires_at: Timestamp | null
  last_used_at: Timestamp | null
  revoked_at: Timestamp | null
  created_at: Timestamp
}

export interface EventRow {
  id: string
  zone_id: string
  position: Generated<number>
  time: Timestamp
  type: string
  outcome: 'allow' | 'deny' | 'applied' | 'refused' | 'failed'
  actor_id: string
  request_id: string
  application_id: string | null
  session_id: string | null
  plan_id: string | null
  body: Json<Record<string, unknown>>
}

export interface IdempotencyRow {
  principal_id: string
  key: string
  request_digest: string
  sealed_result: Buffer | null
  created_at: Timestamp
}

export interface PlanRow {
  id: string
  zone_id: string
  reach: 'zone' | 'platform'
  state: string
  digest: string | null
  base_revisions: Json<Record<string, number>>
  policy_set_version_id: string | null
  requester_id: string
  requester_name: string
  /** The admin token under whose authority it was asked for. */
  requester_token_id: string
  origin: 'chat' | 'api' | 'file' | 'mcp' | 'undo'
  conversation_id: string | null
  intent: string
  summary: string
  steps: Json<unknown[]>
  preview: Json<unknown>
  /** Ids given to the objects that the steps create, by step id, in order. */
  assigned_ids: Json<Record<string, string[]>>
  risk: string | null
  approvals_required: number
  failure: Json<{ code: string; message: string } | null>
  request_id: string | null
  revision: number
  created_at: Timestamp
  updated_at: Timestamp
  expires_at: Timestamp
}

export interface ApprovalRow {
  id: string
  zone_id: string
  plan_id: string
  approver_id: string
  approver_name: string
  approver_token_id: string
  digest: string
  decision: 'approve' | 'reject'
  reason: string | null
  break_glass: boolean
  created_at: Timestamp
  expires_at: Timestamp
  consumed_at: Timestamp | null
}

export interface ConversationRow {
  id: string
  zone_id: string
  principal_id: string
  principal_name: string
  /** The admin token under whose authority the Operator may read. */
  token_id: string
  mode: 'ask' | 'agent'
  title: string
  created_at: Timestamp
  updated_at: Timestamp
}

export interface MessageRow {
  id: string
  zone_id: string
  conversation_id: string
  position: Generated<number>
  role: 'person' | 'operator'
  text: string
  client_message_id: string | null
  in_reply_to: string | null
  plan_ids: string[]
  model: string | null
  outcome: 'done' | 'question' | 'not_understood' | 'failed' | 'cancelled' | null
  usage: JSONColumnType<Record<string, number>>
  created_at: Timestamp
}

/** What a verifier must refuse although it is signed and unexpired; gone when it would expire. */
export interface RevocationRow {
  zone_id: string
  anchor: 'jti' | 'session' | 'root_session'
  value: string
  revoked_at: Timestamp
  expires_at: Timestamp
}

/** A value that may be used once, such as the jti of a client assertion (RFC 7523). */
export interface UsedOnceRow {
  zone_id: string
  purpose: 'client_assertion' | 'plan_mandate'
  value: string
  expires_at: Timestamp
}

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

export interface SystemCredentialRow {
  application_id: string
  zone_id: string
  sealed_private: Buffer
  public_jwk: Json<Record<string, string>>
  created_at: Timestamp
}

export interface SettingRow {
  key: string
  value: string
}

/** The tables of the database, by name. */
export interface Tables {
  zones: ZoneRow
  zone_keys: ZoneKeyRow
  applications: ApplicationRow
  providers: ProviderRow
  resources: ResourceRow
  grants: GrantRow
  policies: PolicyRow
  policy_versions: PolicyVersionRow
  policy_sets: PolicySetRow
  policy_set_versions: PolicySetVersionRow
  policy_activations: PolicyActivationRow
  principals: PrincipalRow
  admin_tokens: AdminTokenRow
  events: EventRow
  idempotency: IdempotencyRow
  plans: PlanRow
  approvals: ApprovalRow
  conversations: ConversationRow
  messages: MessageRow
  revocations: RevocationRow
  used_once: UsedOnceRow
  holds: HoldRow
  hold_decisions: HoldDecisionRow
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  system_credentials: SystemCredentialRow
  settings: SettingRow
}
