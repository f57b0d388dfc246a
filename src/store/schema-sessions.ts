import type { Timestamp } from './columns.ts'

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
  suspended_at: Timestamp | null
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
  anchor:
    | 'jti'
    | 'session'
    | 'root_session'
    | 'agent_session'
    | 'edge'
    | 'client'
    | 'subject'
    | 'requester_token'
  value: string
  revoked_at: Timestamp
  expires_at: Timestamp
  /** Its place among the changes of the zone (trust_sequences). */
  sequence: number
}

/** How often that by which a zone's mandates are verified has changed: keys and revocations. */
export interface TrustSequenceRow {
  zone_id: string
  sequence: number
}
