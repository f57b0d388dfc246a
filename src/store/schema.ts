import type { Generated } from 'kysely'
import type {
  ApprovalRow,
  AutopilotDayRow,
  AutopilotSwitchRow,
  ConversationRow,
  MessageRow,
  PlanRow,
  RunEventsRow,
  RunRow,
  ModelCallRow,
} from './schema-operator.ts'
import type {
  DelegationEdgeRow,
  RevocationRow,
  SessionRow,
  TrustSequenceRow,
} from './schema-sessions.ts'
import type { HoldDecisionRow, HoldRow, WebhookDeliveryRow, WebhookRow } from './schema-step-up.ts'
import type {
  EventRow,
  LogCheckpointRow,
  LogRow,
  LogTileRow,
  PendingEventRow,
  WitnessRow,
} from './schema-audit.ts'
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
  /** How long bodies of events are kept; null: always. */
  audit_retention_days: number | null
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
  /** One that is next is published and signs nothing yet. */
  state: 'next' | 'active' | 'retired'
  /** When one that is next becomes the active one. */
  signs_from: Timestamp | null
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
  /** Whether it gets mandates bound to a key alone (RFC 9449). */
  dpop_required: boolean
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
  /** Custom Rego only: the wasm that it was compiled to. */
  module_digest: string | null
}

/** Custom Rego as it is evaluated, by the hash of its content. */
export interface PolicyModuleRow {
  zone_id: string
  digest: string
  wasm: Buffer
  reads_context: boolean
  created_at: Timestamp
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

export interface IdempotencyRow {
  principal_id: string
  key: string
  request_digest: string
  sealed_result: Buffer | null
  created_at: Timestamp
}

/** A value that may be used once, such as the jti of a client assertion (RFC 7523). */
export interface UsedOnceRow {
  zone_id: string
  purpose: 'client_assertion' | 'dpop_proof' | 'plan_mandate'
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
  policy_modules: PolicyModuleRow
  policy_sets: PolicySetRow
  policy_set_versions: PolicySetVersionRow
  policy_activations: PolicyActivationRow
  principals: PrincipalRow
  admin_tokens: AdminTokenRow
  events: EventRow
  events_pending: PendingEventRow
  logs: LogRow
  log_tiles: LogTileRow
  log_checkpoints: LogCheckpointRow
  witnesses: WitnessRow
  idempotency: IdempotencyRow
  plans: PlanRow
  approvals: ApprovalRow
  conversations: ConversationRow
  messages: MessageRow
  autopilot_switch: AutopilotSwitchRow
  autopilot_days: AutopilotDayRow
  runs: RunRow
  run_events: RunEventsRow
  model_calls: ModelCallRow
  sessions: SessionRow
  delegation_edges: DelegationEdgeRow
  revocations: RevocationRow
  trust_sequences: TrustSequenceRow
  used_once: UsedOnceRow
  holds: HoldRow
  hold_decisions: HoldDecisionRow
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  system_credentials: SystemCredentialRow
  settings: SettingRow
}
