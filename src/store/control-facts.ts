import type { Id, ZoneId } from '../kernel/ids.ts'
import type { PreparedQuery } from './one-trip.ts'

/** A zone as the reason of a control mandate knows it. */
export interface FactsOfZone {
  readonly id: ZoneId
  readonly system: boolean
  readonly archived: boolean
}

/** The admin token that somebody has acted under, as it is at the moment of asking. */
export interface FactsOfToken {
  readonly id: Id<'adminToken'>
  readonly principal_id: string
  readonly principal_name: string
  readonly principal_kind: 'person' | 'automation'
  readonly zone_id: ZoneId | null
  readonly capabilities: readonly string[]
  readonly revoked: boolean
  readonly expires_at_ms: number | null
}

export interface ConversationFacts {
  readonly id: Id<'conversation'>
  readonly mode: 'ask' | 'agent'
  readonly principal_id: string
  readonly zone: FactsOfZone
  readonly token: FactsOfToken
}

export interface PlanFacts {
  readonly id: Id<'plan'>
  readonly reach: 'zone' | 'platform'
  readonly state: string
  readonly digest: string | null
  readonly requester_id: string
  readonly approvals_required: number
  readonly expires_at_ms: number
  /** Whether the approved preview asks for a second person; null where it does not say. */
  readonly second_person: boolean | null
  readonly risk: string | null
  /** Count of the access tuples that the approved preview gains; null where it does not say. */
  readonly gained: number | null
  readonly operations: readonly string[]
  /** Whether the plan or a step of it names a system zone. */
  readonly names_system_zone: boolean
  readonly zone: FactsOfZone
  readonly token: FactsOfToken
  readonly approvals: readonly ApprovalFacts[]
}

export interface ApprovalFacts {
  readonly id: Id<'approval'>
  readonly digest: string
  readonly approver_id: string
  readonly consumed: boolean
  readonly expires_at_ms: number
  readonly kind: 'person' | 'autopilot'
  /** Whether the switch is on as it was when autopilot approved, and its person still opted in. */
  readonly switched_on: boolean
  readonly opted_in: boolean
  readonly token: FactsOfToken
}

const zoneFacts = `jsonb_build_object('id', z.id, 'system', z.system,
  'archived', z.archived_at is not null)`

const tokenFacts = `jsonb_build_object('id', t.id, 'principal_id', p.id, 'principal_name', p.name,
  'principal_kind', p.kind, 'zone_id', t.zone_id, 'capabilities', t.capabilities,
  'revoked', t.revoked_at is not null, 'expires_at_ms', ${milliseconds('t.expires_at')})`

const conversationText = `
  select c.id, c.mode, c.principal_id, ${zoneFacts} as zone, ${tokenFacts} as token
  from conversations c
  join zones z on z.id = c.zone_id
  join admin_tokens t on t.id = c.token_id
  join principals p on p.id = t.principal_id
  where c.id = $1`

const planText = `
  select n.id, n.reach, n.state, n.digest, n.requester_id, n.approvals_required,
    ${milliseconds('n.expires_at')} as expires_at_ms,
    (n.preview->'policy'->>'second_person')::boolean as second_person,
    n.risk, jsonb_array_length(n.preview->'access'->'gained') as gained,
    array(select step->>'operation' from jsonb_array_elements(n.steps) step) as operations,
    z.system or exists (
      select from zones other join jsonb_array_elements(n.steps) step
        on step->>'zone' in (other.id, other.slug)
      where other.system) as names_system_zone,
    ${zoneFacts} as zone, ${tokenFacts} as token,
    coalesce((
      select jsonb_agg(jsonb_build_object('id', a.id, 'digest', a.digest,
        'kind', a.kind, 'switched_on', s.enabled and s.generation = coalesce(a.switch_generation, -1),
        'opted_in', exists (select from conversations c where c.id = n.conversation_id
          and c.mode = 'agent' and c.autopilot_token_id = a.approver_token_id),
        'approver_id', a.approver_id, 'consumed', a.consumed_at is not null,
        'expires_at_ms', ${milliseconds('a.expires_at')}, 'token', ${tokenFacts}) order by a.id)
      from approvals a
      join admin_tokens t on t.id = a.approver_token_id
      join principals p on p.id = t.principal_id
      cross join autopilot_switch s
      where a.plan_id = n.id and a.decision = 'approve'
        and (a.digest = n.digest or ${milliseconds('a.expires_at')} > $2)), '[]') as approvals
  from plans n
  join zones z on z.id = n.zone_id
  join admin_tokens t on t.id = n.requester_token_id
  join principals p on p.id = t.principal_id
  where n.id = $1`

/**
 * A conversation with the authority behind it. The zone is an answer and not part of the question,
 * so it is asked across zones. Index: primary keys.
 */
export function conversationQuery(conversation: string): PreparedQuery {
  return { name: 'control_conversation', text: conversationText, values: [conversation] }
}

/**
 * A plan with the authority behind it and its approvals. Those that a new preview has ended are
 * history; one that lives and names another digest is not, and is there to be refused. Indexes:
 * primary keys, approvals_plan.
 */
export function planQuery(plan: string, nowMs: number): PreparedQuery {
  return { name: 'control_plan', text: planText, values: [plan, nowMs] }
}

function milliseconds(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::bigint`
}
