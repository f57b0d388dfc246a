import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { Json, Timestamp } from './columns.ts'

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
  /** The applied plan that this one takes back. */
  undoes: string | null
  /** After a rebase: what is otherwise than in the preview that was approved, and that preview. */
  since: Json<{
    digest: string
    approved: boolean
    differences: { path: string; before?: unknown; after?: unknown }[]
    preview: unknown
  } | null>
  intent: string
  summary: string
  steps: Json<unknown[]>
  preview: Json<unknown>
  /** What a reviewing model has raised its risk to. */
  review: Json<{
    risk: 'low' | 'medium' | 'high' | 'critical'
    reason: string
    model: string
  } | null> | null
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
  kind: Generated<'person' | 'autopilot'>
  /** What autopilot has proven; null for a person's decision. */
  proof: Json<Record<string, unknown>> | null
  /** The generation of the switch that autopilot's approval counts under. */
  switch_generation: number | null
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
  /** The admin token under which its person has opted in to autopilot; null: they have not. */
  autopilot_token_id: string | null
  /** Objects that autopilot has changed for this conversation. */
  autopilot_writes: Generated<number>
  title: string
  /** What the messages up to a position came to; they do not go to a model any more. */
  summary: Generated<string>
  summarized_to: Generated<number>
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
  /** What the text rests on: things that tools returned while it was made. */
  citations: ColumnType<Citation[], string | undefined, string>
  /** Ids in the text that no tool returned. */
  unverified_ids: Generated<string[]>
  created_at: Timestamp
}

/** The one row of the switch; each time it is thrown on, what was approved before no longer counts. */
export interface AutopilotSwitchRow {
  id: Generated<boolean>
  enabled: boolean
  generation: number
  writes_per_plan: number
  writes_per_conversation: number
  writes_per_day: number
  changed_by_id: string | null
  changed_by_name: string | null
  changed_at: Timestamp | null
}

export interface AutopilotDayRow {
  /** YYYY-MM-DD in UTC. */
  day: string
  writes: number
}

export interface Citation {
  readonly kind: string
  readonly id: string
  readonly name: string | null
}

/** The answering of one message: `open` until somebody has it in hand. */
export interface RunRow {
  message_id: string
  zone_id: string
  conversation_id: string
  state: 'open' | 'running' | 'broken' | 'ended'
  /** How often it was taken in hand; whoever has it knows the number, and nobody before does. */
  attempt: Generated<number>
  last_sequence: Generated<number>
  /** The request of each attempt. */
  request_ids: Generated<string[]>
  /** Why the last attempt broke off. */
  failure: ColumnType<{ code: string; message: string } | null, string | null, string | null>
  cancelled_at: Timestamp | null
  /** When whoever has it in hand last said so, by the clock of the database. */
  beat_at: Generated<Date>
  created_at: Timestamp
  ended_at: Timestamp | null
}

/** Events of a run that were written together; they end with the sequence of the row. */
export interface RunEventsRow {
  message_id: string
  zone_id: string
  last_sequence: number
  events: Json<unknown[]>
}

export interface ModelCallRow {
  id: string
  zone_id: string
  /** May have been deleted meanwhile; null: it was called outside of a conversation. */
  conversation_id: string | null
  /** The message that was answered. */
  message_id: string | null
  principal_id: string
  purpose: 'answer' | 'summary' | 'review' | 'policy'
  host: string
  model: string
  state: 'running' | 'answered' | 'failed' | 'cancelled'
  reason: string | null
  /** Tokens that count against the budgets: while it runs, the most that it may come to. */
  spent: number
  input_tokens: number
  cache_write_tokens: number
  cache_read_tokens: number
  output_tokens: number
  duration_ms: number | null
  created_at: Timestamp
}
