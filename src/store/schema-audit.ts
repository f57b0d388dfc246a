import type { ColumnType, Generated, GeneratedAlways } from 'kysely'
import type { Governed, Json, Timestamp } from './columns.ts'

/** An event as searches see it: in the log, or on its way into it. */
export interface EventRow {
  position: number
  zone_id: string
  /** Its place in the zone's log; null for a moment after it was written. */
  sequence: number | null
  id: string
  time: Timestamp
  type: string
  outcome: 'allow' | 'deny' | 'applied' | 'refused' | 'failed'
  actor_id: string
  request_id: string
  application_id: string | null
  session_id: string | null
  plan_id: string | null
  /** Everything that the event says; the log hashes the text of this. */
  entry: Json<Record<string, unknown>>
  /** What a decision was made on; the entry has its digest. */
  facts: Json<Record<string, unknown>> | null
}

/** An event that is durable and not yet in the log of its zone. */
export interface PendingEventRow {
  position: GeneratedAlways<number>
  zone_id: string
  entry: Json<Record<string, unknown>>
  facts: ColumnType<Record<string, unknown> | null, string | null, never>
}

/** The log of a zone: who signs it and how far it goes. */
export interface LogRow {
  zone_id: string
  /** The origin line of its checkpoints and the name of its key (C2SP tlog-checkpoint). */
  origin: string
  /** Ed25519, 32 bytes. */
  public_key: Buffer
  sealed_private: Buffer
  /** Events in it. */
  size: number
  /** Events whose bodies retention has removed: the first ones. */
  pruned: Generated<number>
  created_at: Timestamp
}

/** Up to 256 hashes of one level of the tree, 32 bytes each (C2SP tlog-tiles). */
export interface LogTileRow {
  zone_id: string
  level: number
  index: number
  hashes: Buffer
}

export interface LogCheckpointRow {
  zone_id: string
  size: number
  /** The signed note, with the signature of the log alone. */
  note: string
  /** Signature lines of witnesses, by the id of the witness. */
  cosignatures: Json<Readonly<Record<string, string>>>
  created_at: Timestamp
}

/** Whoever cosigns checkpoints of the zone's log (C2SP tlog-cosignature). */
export interface WitnessRow extends Governed {
  name: string
  name_key: string
  verifier_key: string
}
