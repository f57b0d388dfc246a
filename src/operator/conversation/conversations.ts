import { sql } from 'kysely'
import type { InputOf, OutputOf } from '../../../tools/catalogue.ts'
import type { Call } from '../../gate/handler.ts'
import type { AdminPrincipal } from '../../gate/principal.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import {
  deleteConversation,
  findByClientId,
  findConversation,
  findMessage,
  insertConversation,
  insertMessage,
  lastMessages,
  type ConversationRecord,
  type MessageRecord,
} from '../../store/conversations.ts'
import { readPage } from '../../store/pages.ts'
import { cancelRuns, openRun } from '../../store/runs.ts'
import { findZone } from '../../store/zones.ts'

type ConversationView = OutputOf<'conversations.create'>
export type MessageView = OutputOf<'conversations.send'>

export async function listConversations(
  call: Call,
  input: InputOf<'conversations.list'>,
): Promise<OutputOf<'conversations.list'>> {
  const { rows, nextCursor } = await readPage<ConversationRecord>(call.queries, {
    table: 'conversations',
    where: [sql`zone_id = ${call.zone}`, sql`principal_id = ${call.principal.id}`],
    by: 'id',
    order: 'desc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map(conversationView), next_cursor: nextCursor }
}

/** Opens a conversation on the authority of the admin token at hand; it ends with that token. */
export async function openConversation(
  call: Call,
  input: InputOf<'conversations.create'>,
): Promise<ConversationView> {
  const person = personOf(call)
  const zone = await findZone(call.queries, call.zone)
  if (zone?.system !== false)
    refuse('system_zone_refused', 'The Operator opens no conversation in a system zone.')
  const row = await insertConversation(call.queries, {
    id: call.newId('conversation'),
    zone_id: call.zone,
    principal_id: person.id,
    principal_name: person.name,
    token_id: person.tokenId,
    autopilot_token_id: null,
    mode: input.mode,
    title: input.title,
    created_at: call.now,
    updated_at: call.now,
  })
  return conversationView(row)
}

export async function showConversation(
  call: Call,
  input: InputOf<'conversations.get'>,
): Promise<OutputOf<'conversations.get'>> {
  const row = await own(call, input.conversation_id)
  const messages = await lastMessages(call.queries, row.id, limits.conversationMessages)
  return { ...conversationView(row), messages: messages.map(messageView) }
}

export async function dropConversation(
  call: Call,
  input: InputOf<'conversations.delete'>,
): Promise<Record<string, never>> {
  await deleteConversation(call.queries, (await own(call, input.conversation_id)).id)
  return {}
}

/**
 * Keeps what the person said. A message that was sent before with the same client id is answered
 * as it was kept. Text that holds a credential was refused at the door.
 */
export async function receiveMessage(
  call: Call,
  input: InputOf<'conversations.send'>,
): Promise<MessageView> {
  const conversation = await own(call, input.conversation_id)
  const clientId = input.client_message_id ?? null
  const row = await insertMessage(
    call.queries,
    {
      id: call.newId('message'),
      zone_id: call.zone,
      conversation_id: conversation.id,
      role: 'person',
      text: input.text,
      client_message_id: clientId,
      in_reply_to: null,
      plan_ids: [],
      model: null,
      outcome: null,
      usage: '{}',
      created_at: call.now,
    },
    call.now,
  )
  const kept =
    row ??
    (clientId === null ? undefined : await findByClientId(call.queries, conversation.id, clientId))
  if (kept?.text !== input.text)
    refuse('idempotency_key_reused', 'This client_message_id came before with another text.')
  if (row !== undefined) await openRun(call.queries, row.id, call.now)
  return messageView(kept)
}

/** The message whose answer is to be followed; only the person's own are found. */
export async function followedMessage(
  call: Call,
  input: InputOf<'conversations.follow'>,
): Promise<MessageView> {
  const { id } = await own(call, input.conversation_id)
  const row = await findMessage(call.queries, id, input.message_id)
  return row?.role === 'person'
    ? messageView(row)
    : refuse('not_found', 'You have said no such thing in this conversation.')
}

/** Stops what is being answered, on whichever replica: whoever is told so finds a stopped answer. */
export async function cancelAnswers(
  call: Call,
  input: InputOf<'conversations.cancel'>,
): Promise<OutputOf<'conversations.cancel'>> {
  const { id } = await own(call, input.conversation_id)
  return { cancelled: await cancelRuns(call.queries, id, call.now) }
}

export async function own(call: Call, id: string): Promise<ConversationRecord> {
  const row = await findConversation(call.queries, call.zone, call.principal.id, id)
  return row ?? refuse('not_found', 'You have no such conversation in this zone.')
}

function personOf({ principal }: Call): AdminPrincipal {
  return principal.kind === 'admin'
    ? principal
    : refuse('person_required', 'A conversation belongs to a person, not to a mandate.')
}

export function conversationView(row: ConversationRecord): ConversationView {
  return {
    id: row.id,
    zone_id: row.zone_id,
    mode: row.mode,
    autopilot: row.autopilot_token_id !== null,
    title: row.title,
    person: { id: row.principal_id, name: row.principal_name },
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

export function messageView(row: MessageRecord): MessageView {
  return {
    id: row.id,
    conversation_id: row.conversation_id,
    role: row.role,
    text: row.text,
    plan_ids: row.plan_ids,
    model: row.model,
    outcome: row.outcome,
    citations: row.citations,
    unverified_ids: row.unverified_ids,
    created_at: row.created_at.toISOString(),
  }
}
