import { sql, type Insertable, type RawBuilder, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import type { AdminToken } from './principals.ts'
import type { HoldDecisionRow, HoldRequirement, HoldRow } from './schema-step-up.ts'

export type Hold = Selectable<HoldRow>
export type HoldState = Hold['state']
export type HoldDecision = Selectable<HoldDecisionRow>

/** The states in which a hold can still come to something. */
const openStates = ['pending', 'approved'] as const satisfies readonly HoldState[]

/** The state at a time: an open hold whose time has passed is expired before anybody writes so. */
export function stateOf(hold: Pick<Hold, 'state' | 'expires_at'>, nowMs: number): HoldState {
  return isOpen(hold) && hold.expires_at.getTime() <= nowMs ? 'expired' : hold.state
}

export function isOpen({ state }: Pick<Hold, 'state'>): boolean {
  return openStates.some((open) => open === state)
}

/** The condition that holds are in a state at a time. Index: holds_state. */
export function isInState(state: HoldState, now: Date): RawBuilder<unknown> {
  if (state === 'expired')
    return sql`(state = 'expired' or (state in ('pending', 'approved') and expires_at <= ${now}))`
  const isLive = openStates.some((open) => open === state)
  return isLive ? sql`(state = ${state} and expires_at > ${now})` : sql`state = ${state}`
}

/** Index: primary key. */
export async function findHold(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<Hold | undefined> {
  return queries
    .selectFrom('holds')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
}

/** The same, locked: two transitions of one hold come one after the other. */
export async function lockHold(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<Hold | undefined> {
  return queries
    .selectFrom('holds')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .forUpdate()
    .executeTakeFirst()
}

/** The newest hold of exactly one request, locked. Index: holds_binding. */
export async function lockHoldOf(
  queries: Queries,
  zone: ZoneId,
  binding: string,
): Promise<Hold | undefined> {
  return queries
    .selectFrom('holds')
    .selectAll()
    .where('zone_id', '=', zone)
    .where('binding', '=', binding)
    .orderBy('id', 'desc')
    .limit(1)
    .forUpdate()
    .executeTakeFirst()
}

/**
 * Locks what a request may move: the newest hold of exactly it, which is the answer, and the open
 * ones of the same request under other policy set versions. They are locked by id, as every
 * transaction locks holds, so that no two wait for each other. Indexes: holds_binding, holds_request.
 */
export async function lockRequest(
  queries: Queries,
  by: RequestOfHold & Pick<Hold, 'binding'>,
): Promise<Hold | undefined> {
  const { rows } = await sql<Hold>`
    select * from holds where zone_id = ${by.zone_id} and id in (
      (select id from holds where zone_id = ${by.zone_id} and binding = ${by.binding}
        order by id desc limit 1)
      union all
      select id from holds
      where zone_id = ${by.zone_id} and application_id = ${by.application_id}
        and resource_id = ${by.resource_id} and state in ('pending', 'approved')
        and session_id is not distinct from ${by.session_id}
        and scopes = ${[...by.scopes]}::text[])
    order by id for update`.execute(queries)
  return rows.findLast(({ binding }) => binding === by.binding)
}

/** Makes a hold; undefined where another request has just made the same. Index: holds_open. */
export async function insertHold(
  queries: Queries,
  hold: Insertable<HoldRow>,
): Promise<Hold | undefined> {
  return queries
    .insertInto('holds')
    .values(hold)
    .onConflict((conflict) =>
      conflict
        .columns(['zone_id', 'binding'])
        // Written out: an index is not inferred from parameters.
        .where(sql<boolean>`state in ('pending', 'approved')`)
        .doNothing(),
    )
    .returningAll()
    .executeTakeFirst()
}

/** How many holds of an application wait, up to a bound. Index: holds_request. */
export async function countOpenHolds(
  queries: Queries,
  zone: ZoneId,
  application: string,
  bound: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (
      select 1 from holds
      where zone_id = ${zone} and application_id = ${application}
        and state in ('pending', 'approved') limit ${bound}) waiting`.execute(queries)
  return rows[0]?.count ?? 0
}

/** Notes when the client has asked, and how long it has to wait from now on. */
export async function notePoll(
  queries: Queries,
  id: string,
  poll: { readonly now: Date; readonly intervalSeconds: number },
): Promise<Hold> {
  return queries
    .updateTable('holds')
    .set({ polled_at: poll.now, interval_seconds: poll.intervalSeconds })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Changes a hold that the caller has locked, and moves its revision on. */
export async function moveHold(
  queries: Queries,
  id: string,
  to: Partial<Pick<Insertable<HoldRow>, 'state' | 'reason' | 'decided_at'>>,
): Promise<Hold> {
  return queries
    .updateTable('holds')
    .set((eb) => ({ ...to, revision: eb('revision', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Uses up an approved hold; undefined where it was used before or its time has passed. A second
 * user waits for the first's transaction. Index: primary key.
 */
export async function consumeHold(
  queries: Queries,
  zone: ZoneId,
  id: string,
  use: { readonly now: Date; readonly mandateJti: string },
): Promise<Hold | undefined> {
  return queries
    .updateTable('holds')
    .set((eb) => ({
      state: 'consumed',
      consumed_at: use.now,
      mandate_jti: use.mandateJti,
      revision: eb('revision', '+', 1),
    }))
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .where('state', '=', 'approved')
    .where('expires_at', '>', use.now)
    .returningAll()
    .executeTakeFirst()
}

/** What is the same request under whatever policy set version. */
type RequestOfHold = Pick<Hold, 'zone_id' | 'application_id' | 'resource_id' | 'session_id'> & {
  readonly scopes: readonly string[]
}

/** Ends the open holds of the same request under another policy set version. Index: holds_request. */
export async function supersedeHolds(
  queries: Queries,
  by: RequestOfHold & Pick<Hold, 'policy_set_version_id'>,
): Promise<readonly Hold[]> {
  return queries
    .updateTable('holds')
    .set((eb) => ({ state: 'superseded', revision: eb('revision', '+', 1) }))
    .where('zone_id', '=', by.zone_id)
    .where('application_id', '=', by.application_id)
    .where('resource_id', '=', by.resource_id)
    .where('state', 'in', [...openStates])
    .where('session_id', 'is not distinct from', by.session_id)
    .where(sql<boolean>`scopes = ${[...by.scopes]}::text[]`)
    .where('policy_set_version_id', '<>', by.policy_set_version_id)
    .returningAll()
    .execute()
}

/** How many holds are ended by one transaction of the upkeep. */
const expiredAtOnce = 200

/** Ends open holds of all zones whose time has passed, each by one replica. Index: holds_due. */
export async function expireHolds(queries: Queries, now: Date): Promise<readonly Hold[]> {
  const { rows } = await sql<Hold>`
    update holds set state = 'expired', revision = revision + 1 where id in (
      select id from holds where state in ('pending', 'approved') and expires_at <= ${now}
      order by expires_at limit ${expiredAtOnce} for update skip locked)
    returning *`.execute(queries)
  return rows
}

/** Whether every tier has its quorum of approvals that count. */
export function isApproved(
  { requirements }: Pick<Hold, 'requirements'>,
  decisions: readonly HoldDecision[],
): boolean {
  return requirements.every((one) => approvalsOf(one, decisions) >= one.quorum)
}

export function approvalsOf({ tier }: HoldRequirement, decisions: readonly HoldDecision[]): number {
  return decisions.filter(
    (one) => one.decision === 'approve' && one.lapsed_at === null && one.tiers.includes(tier),
  ).length
}

/** The decisions on some holds, in order. Index: hold_decisions_hold. */
export async function decisionsOn(
  queries: Queries,
  holds: readonly string[],
): Promise<readonly HoldDecision[]> {
  if (holds.length === 0) return []
  return queries
    .selectFrom('hold_decisions')
    .selectAll()
    .where('hold_id', 'in', [...holds])
    .orderBy('id')
    .execute()
}

export async function insertDecision(
  queries: Queries,
  decision: Insertable<HoldDecisionRow>,
): Promise<void> {
  await queries.insertInto('hold_decisions').values(decision).execute()
}

/** A decision that counts, with the token that its person has decided under as it is now. */
export interface StandingDecision extends HoldDecision {
  readonly token: Pick<AdminToken, 'zone_id' | 'capabilities' | 'expires_at' | 'revoked_at'>
}

/** Indexes: hold_decisions_hold, the primary key of admin_tokens. */
export async function standingDecisionsOn(
  queries: Queries,
  hold: string,
): Promise<readonly StandingDecision[]> {
  const rows = await queries
    .selectFrom('hold_decisions')
    .innerJoin('admin_tokens as t', 't.id', 'hold_decisions.approver_token_id')
    .selectAll('hold_decisions')
    .select(['t.zone_id as token_zone_id', 't.capabilities', 't.expires_at', 't.revoked_at'])
    .where('hold_id', '=', hold)
    .where('lapsed_at', 'is', null)
    .orderBy('hold_decisions.id')
    .execute()
  return rows.map(({ token_zone_id, capabilities, expires_at, revoked_at, ...decision }) => ({
    ...decision,
    token: { zone_id: token_zone_id, capabilities, expires_at, revoked_at },
  }))
}

/** Lets decisions count no longer. Index: primary key. */
export async function lapseDecisions(
  queries: Queries,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  await queries
    .updateTable('hold_decisions')
    .set({ lapsed_at: now })
    .where('id', 'in', [...ids])
    .execute()
}

/** How many holds of the zone are in each state, each up to a bound. Index: holds_state. */
export async function countHolds(
  queries: Queries,
  zone: ZoneId,
  states: readonly HoldState[],
  now: Date,
): Promise<ReadonlyMap<string, number>> {
  const counted = states.map(
    (state) => sql`
      select ${state}::text as state, count(*) as count from (
        select 1 from holds where zone_id = ${zone} and ${isInState(state, now)}
        limit ${limits.holdsCounted}) counted`,
  )
  const { rows } = await sql<{
    state: string
    count: number
  }>`${sql.join(counted, sql` union all `)}`.execute(queries)
  return new Map(rows.map(({ state, count }) => [state, count]))
}
