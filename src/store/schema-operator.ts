import type { Generated, JSONColumnType } from 'kysely'
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
  created_at: Timestamp
}

export interface ModelCallRow {
  id: string
  zone_id: string
  /** Of a conversation and a message that may have been deleted meanwhile. */
  conversation_id: string
  message_id: string
  principal_id: string
  purpose: 'answer' | 'summary'
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
