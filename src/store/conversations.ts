import type { Insertable, Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ConversationRow, MessageRow } from './schema-operator.ts'

export type ConversationRecord = Selectable<ConversationRow>
export type MessageRecord = Selectable<MessageRow>

/** A person's own conversation: nobody else's is ever found. Index: primary key. */
export async function findConversation(
  queries: Queries,
  zone: ZoneId,
  principalId: string,
  id: string,
): Promise<ConversationRecord | undefined> {
  return queries
    .selectFrom('conversations')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .where('principal_id', '=', principalId)
    .executeTakeFirst()
}

export async function insertConversation(
  queries: Queries,
  row: Insertable<ConversationRow>,
): Promise<ConversationRecord> {
  return queries.insertInto('conversations').values(row).returningAll().executeTakeFirstOrThrow()
}

/** Deletes a conversation with its messages. Plans and events stay. */
export async function deleteConversation(queries: Queries, id: string): Promise<void> {
  await queries.deleteFrom('conversations').where('id', '=', id).execute()
}

/** The last messages after a position, oldest first. Index: messages_conversation. */
export async function lastMessages(
  queries: Queries,
  conversationId: string,
  limit: number,
  after = 0,
): Promise<readonly MessageRecord[]> {
  const rows = await queries
    .selectFrom('messages')
    .selectAll()
    .where('conversation_id', '=', conversationId)
    .where('position', '>', after)
    .orderBy('position', 'desc')
    .limit(limit)
    .execute()
  return rows.reverse()
}

/** Index: primary key. */
export async function findMessage(
  queries: Queries,
  conversationId: string,
  id: string,
): Promise<MessageRecord | undefined> {
  return queries
    .selectFrom('messages')
    .selectAll()
    .where('id', '=', id)
    .where('conversation_id', '=', conversationId)
    .executeTakeFirst()
}

/** Keeps a summary, unless another one has been kept meanwhile. Index: primary key. */
export async function keepSummary(
  queries: Queries,
  { id, summarized_to: before }: Pick<ConversationRecord, 'id' | 'summarized_to'>,
  summary: string,
  summarizedTo: number,
): Promise<void> {
  await queries
    .updateTable('conversations')
    .set({ summary, summarized_to: summarizedTo })
    .where('id', '=', id)
    .where('summarized_to', '=', before)
    .execute()
}

/** Index: messages_client_id. */
export async function findByClientId(
  queries: Queries,
  conversationId: string,
  clientMessageId: string,
): Promise<MessageRecord | undefined> {
  return queries
    .selectFrom('messages')
    .selectAll()
    .where('conversation_id', '=', conversationId)
    .where('client_message_id', '=', clientMessageId)
    .executeTakeFirst()
}

/** Index: messages_reply. */
export async function findReply(
  queries: Queries,
  messageId: string,
): Promise<MessageRecord | undefined> {
  return queries
    .selectFrom('messages')
    .selectAll()
    .where('in_reply_to', '=', messageId)
    .executeTakeFirst()
}

/** Adds a message; a second reply to the same message is not added, and undefined is answered. */
export async function insertMessage(
  queries: Queries,
  row: Insertable<MessageRow>,
  now: Date,
): Promise<MessageRecord | undefined> {
  const inserted = await queries
    .insertInto('messages')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  await queries
    .updateTable('conversations')
    .set({ updated_at: now })
    .where('id', '=', row.conversation_id)
    .execute()
  return inserted
}
