import type { Selectable, Updateable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { ConversationRecord } from './conversations.ts'
import type { Queries } from './database.ts'
import type { AutopilotSwitchRow } from './schema-operator.ts'

export type AutopilotSwitch = Selectable<AutopilotSwitchRow>

/** The switch. Index: primary key. */
export async function readSwitch(queries: Queries): Promise<AutopilotSwitch> {
  return queries.selectFrom('autopilot_switch').selectAll().executeTakeFirstOrThrow()
}

/**
 * The switch, held as it is until the transaction ends: whoever throws it waits for that, and after
 * it has been thrown off nothing that saw it on is committed.
 */
export async function holdSwitch(queries: Queries): Promise<AutopilotSwitch> {
  return queries.selectFrom('autopilot_switch').selectAll().forShare().executeTakeFirstOrThrow()
}

export async function throwSwitch(
  queries: Queries,
  patch: Updateable<AutopilotSwitchRow> & { readonly enabled: boolean },
): Promise<AutopilotSwitch> {
  const moved = patch.enabled ? 1 : 0
  return queries
    .updateTable('autopilot_switch')
    .set((eb) => ({ ...patch, generation: eb('generation', '+', moved) }))
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Index: primary key. */
export async function isOptedIn(queries: Queries, zone: ZoneId, id: string): Promise<boolean> {
  const row = await queries
    .selectFrom('conversations')
    .select('autopilot_token_id')
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
  return row !== undefined && row.autopilot_token_id !== null
}

/** A conversation, locked: what autopilot does for it comes one after the other. Index: primary key. */
export async function lockConversation(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<ConversationRecord | undefined> {
  return queries
    .selectFrom('conversations')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .forUpdate()
    .executeTakeFirst()
}

/** Opts a conversation in under an admin token, or out (null). */
export async function optIn(
  queries: Queries,
  id: string,
  tokenId: string | null,
): Promise<ConversationRecord> {
  return queries
    .updateTable('conversations')
    .set({ autopilot_token_id: tokenId })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** What autopilot has changed on a day (YYYY-MM-DD, UTC). Index: primary key. */
export async function writesOfDay(queries: Queries, day: string): Promise<number> {
  const row = await queries
    .selectFrom('autopilot_days')
    .select('writes')
    .where('day', '=', day)
    .executeTakeFirst()
  return row?.writes ?? 0
}

/** The same, locked until the transaction ends, so that no two plans spend the same budget. */
export async function lockWritesOfDay(queries: Queries, day: string): Promise<number> {
  await queries
    .insertInto('autopilot_days')
    .values({ day, writes: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await queries
    .selectFrom('autopilot_days')
    .select('writes')
    .where('day', '=', day)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return row.writes
}

/** Takes writes off the budgets of a conversation and of a day, both of which are locked. */
export async function spendWrites(
  queries: Queries,
  spent: { readonly conversation: string; readonly day: string; readonly writes: number },
): Promise<void> {
  const { conversation, day, writes } = spent
  await queries
    .updateTable('conversations')
    .set((eb) => ({ autopilot_writes: eb('autopilot_writes', '+', writes) }))
    .where('id', '=', conversation)
    .execute()
  await queries
    .updateTable('autopilot_days')
    .set((eb) => ({ writes: eb('writes', '+', writes) }))
    .where('day', '=', day)
    .execute()
}
