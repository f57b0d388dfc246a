import { sql, type RawBuilder } from 'kysely'
import type { Queries } from './database.ts'

/**
 * Removes at most `atOnce` rows of one kind, in every zone, oldest first, that were finished before
 * a time and that no row rests upon; says how many. Rows that another replica has in hand are left.
 */
type Prune = (queries: Queries, before: Date, atOnce: number) => Promise<number>

/** In this order: what rests upon another comes before it. */
export const finishedThings: readonly Prune[] = [
  pruneEdges,
  pruneSessions,
  pruneHolds,
  pruneDeliveries,
  pruneRuns,
  pruneModelCalls,
]

/** Delegations that were revoked or have expired. Indexes: delegation_edges_age, _parent. */
async function pruneEdges(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      delete from delegation_edges where id in (
        select e.id from delegation_edges e
        where e.created_at < ${before} and (e.ended_at < ${before} or e.expires_at < ${before})
          and not exists (select from delegation_edges c where c.parent_id = e.id)
        order by e.created_at limit ${atOnce} for update skip locked)`,
  )
}

/**
 * Sessions that were ended or have expired, services whose lease has lapsed among them. The time of
 * one that others move on stands still while it is suspended. Indexes: sessions_age, _parent,
 * delegation_edges_source, _target_session, refresh_tokens_session, authorization_codes_session.
 */
async function pruneSessions(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      delete from sessions where id in (
        select s.id from sessions s
        where s.created_at < ${before}
          and case s.state when 'terminated' then s.ended_at < ${before}
            else s.expires_at < ${before} and not (s.state = 'suspended' and (
              s.lease_seconds is not null or (s.kind = 'subject' and s.sub_type = 'application')))
            end
          and not exists (select from sessions c where c.parent_id = s.id)
          and not exists (select from delegation_edges e where e.source_session_id = s.id)
          and not exists (select from delegation_edges e where e.target_session_id = s.id)
          and not exists (select from refresh_tokens r where r.session_id = s.id)
          and not exists (select from authorization_codes a where a.session_id = s.id)
        order by s.created_at limit ${atOnce} for update skip locked)`,
  )
}

/** Holds that came to an end, whichever, with their decisions. Indexes: holds_age, hold_decisions_person. */
async function pruneHolds(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      with finished as (
        select id from holds
        where created_at < ${before} and expires_at < ${before}
          and state not in ('pending', 'approved')
        order by created_at limit ${atOnce} for update skip locked),
      decisions as (
        delete from hold_decisions d using finished f where d.hold_id = f.id)
      delete from holds h using finished f where h.id = f.id`,
  )
}

/** Deliveries that have arrived, or were given up. Index: webhook_deliveries_age. */
async function pruneDeliveries(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries
        where created_at < ${before} and state <> 'pending'
          and coalesce(delivered_at, next_attempt_at) < ${before}
        order by created_at limit ${atOnce} for update skip locked)`,
  )
}

/**
 * Runs with what they said, which the reply has whole; those that nobody ended as well. Index:
 * runs_age.
 */
async function pruneRuns(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      delete from runs where message_id in (
        select message_id from runs
        where created_at < ${before} and (ended_at is null or ended_at < ${before})
        order by created_at limit ${atOnce} for update skip locked)`,
  )
}

/** Calls to models, whatever came of them. Index: model_calls_age. */
async function pruneModelCalls(queries: Queries, before: Date, atOnce: number): Promise<number> {
  return count(
    queries,
    sql`
      delete from model_calls where id in (
        select id from model_calls where created_at < ${before}
        order by created_at limit ${atOnce} for update skip locked)`,
  )
}

async function count(queries: Queries, statement: RawBuilder<unknown>): Promise<number> {
  const { numAffectedRows = 0n } = await statement.execute(queries)
  return Number(numAffectedRows)
}
