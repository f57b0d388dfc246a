import type { Generated, JSONColumnType } from 'kysely'
import type { Governed, Json, Timestamp } from './columns.ts'
import type {
  AuthorizationCodeRow,
  RefreshTokenRow,
  SignInRow,
  SubjectIssuerRow,
  SubjectRow,
} from './schema-people.ts'

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
  auth_method: 'client_secret' | 'private_key_jwt' | 'none'
  secret_hash: string | null
  jwks: Json<{ keys: { kty: string }[] } | null>
  labels: string[]
  /** Where people may be sent back to; none: nobody signs in to it. */
  redirect_uris: string[]
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

/** Who, or what runs for whom. A session without a parent is the root of all below it. */
export interface SessionRow {
  id: string
  zone_id: string
  kind: 'subject' | 'agent'
  application_id: string
  subject: string
  sub_type: 'application' | 'user'
  /** The subject issuer that vouched for a user. */
  issuer_id: string | null
  parent_id: string | null
  root_id: string
  name: string | null
  lifecycle: 'task' | 'service' | null
  state: 'active' | 'suspended' | 'terminated'
  lease_seconds: number | null
  heartbeat_at: Timestamp | null
  created_at: Timestamp
  /** When it ends by itself; a heartbeat moves it on. */
  expires_at: Timestamp | null
  ended_at: Timestamp | null
  end_reason: string | null
}

/** Bounded authority that one agent session lends to another. Only its state ever changes. */
export interface DelegationEdgeRow {
  id: string
  zone_id: string
  parent_id: string | null
  /** Ids of the edges from the first one to this. */
  path: string[]
  source_session_id: string
  source_application_id: string
  target_application_id: string
  /** Null: any agent session of the target application. */
  target_session_id: string | null
  resource_id: string
  scopes: string[]
  /** The longest life of a mandate that rests on it. */
  ttl_seconds: number
  /** How many more hops may follow. */
  max_hops: number
  state: 'active' | 'revoked'
  created_at: Timestamp
  expires_at: Timestamp
  ended_at: Timestamp | null
  end_reason: string | null
}

/** What a verifier must refuse although it is signed and unexpired; gone when it would expire. */
export interface RevocationRow {
  zone_id: string
  anchor: 'jti' | 'session' | 'root_session' | 'agent_session' | 'edge'
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
  subject_issuers: SubjectIssuerRow
  subjects: SubjectRow
  sign_ins: SignInRow
  authorization_codes: AuthorizationCodeRow
  refresh_tokens: RefreshTokenRow
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
  sessions: SessionRow
  delegation_edges: DelegationEdgeRow
  revocations: RevocationRow
  used_once: UsedOnceRow
  system_credentials: SystemCredentialRow
  settings: SettingRow
}
