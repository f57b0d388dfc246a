import { announceHold, byItself, type Cause } from '../outbox/announce.ts'
import { digestOf } from '../kernel/canonical.ts'
import { isId, newId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Obligation } from '../policy/input.ts'
import type { Queries } from '../store/database.ts'
import {
  countOpenHolds,
  insertHold,
  isOpen,
  lockHold,
  lockHoldOf,
  lockRequest,
  moveHold,
  notePoll,
  stateOf,
  supersedeHolds,
  type Hold,
} from '../store/holds.ts'
import { onceMore } from '../store/once-more.ts'
import type { Facts } from './facts.ts'
import { reopen, standingOf } from './lapse.ts'
import type { Exchange } from './parts.ts'
import type { Subject } from './subject.ts'

/** A request whose scopes wait for people. */
export interface Gated {
  readonly exchange: Exchange
  readonly facts: Facts
  readonly subject: Subject
  readonly scopes: readonly string[]
  readonly obligations: readonly Obligation[]
}

/** What has become of a gated request. */
export type Held =
  | {
      readonly kind: 'released' | 'made' | 'waiting' | 'too_soon' | 'rejected'
      readonly hold: Hold
    }
  | { readonly kind: 'over'; readonly reason: OverReason }

/** Why the approval that a request names does not serve it. */
export type OverReason =
  | 'approval_unknown'
  | 'approval_mismatch'
  | 'approval_superseded'
  | 'approval_expired'
  | 'approval_consumed'
  | 'approvals_limit_reached'

/**
 * Finds the hold of a gated request, or makes it: the one that the request names, or the newest of
 * exactly this request. What an approval is for goes into `binding`: another client, session, user,
 * resource, set of scopes, policy set version or demand is another request.
 */
export async function holdOf(gated: Gated): Promise<Held> {
  const { exchange, facts } = gated
  // A delegation may be held for more than one application on it; the client names its own hold.
  const isItsOwn = facts.client.id === exchange.event.applicationId
  const named = isItsOwn ? exchange.parameters.get('approval_id') : undefined
  return onceMore(() =>
    exchange.parts.context.db.transaction(exchange.zone, async (queries) =>
      named === undefined ? heldOrMade(queries, gated) : heldByName(queries, gated, named),
    ),
  )
}

async function heldByName(queries: Queries, gated: Gated, named: string): Promise<Held> {
  const { exchange, facts } = gated
  const hold = isId('approval', named) ? await lockHold(queries, exchange.zone, named) : undefined
  if (hold?.application_id !== facts.client.id) return { kind: 'over', reason: 'approval_unknown' }
  if (hold.binding === bindingOf(gated)) return turnOf(queries, gated, hold)
  if (hold.policy_set_version_id === facts.authority.zone.versionId)
    return { kind: 'over', reason: 'approval_mismatch' }
  if (isOpen(hold)) await supersede(queries, exchange, hold)
  return { kind: 'over', reason: 'approval_superseded' }
}

async function supersede(queries: Queries, exchange: Exchange, hold: Hold): Promise<void> {
  const superseded = await moveHold(queries, hold.id, { state: 'superseded' })
  const cause = causeOf(exchange)
  await announceHold(queries, exchange.nowMs, 'approval.superseded', superseded, cause)
}

async function heldOrMade(queries: Queries, gated: Gated): Promise<Held> {
  const found = await lockRequest(queries, rowOf(gated))
  const turn = found && (await turnOf(queries, gated, found))
  return turn === undefined || turn.kind === 'over' ? make(queries, gated) : turn
}

/** What a hold of this request says to it. */
async function turnOf(queries: Queries, { exchange }: Gated, hold: Hold): Promise<Held> {
  const { nowMs, event } = exchange
  const state = stateOf(hold, nowMs)
  if (state === 'approved') return release(queries, exchange, hold)
  if (state === 'rejected' && hold.expires_at.getTime() > nowMs) return { kind: 'rejected', hold }
  if (state === 'consumed') return { kind: 'over', reason: 'approval_consumed' }
  if (state === 'superseded') return { kind: 'over', reason: 'approval_superseded' }
  if (state === 'pending') return poll(queries, exchange, hold)
  if (isOpen(hold)) {
    const expired = await moveHold(queries, hold.id, { state: 'expired' })
    await announceHold(queries, nowMs, 'approval.expired', expired, byItself(event.requestId))
  }
  return { kind: 'over', reason: 'approval_expired' }
}

/** Releases a request whose approvals all still count; otherwise it waits for others. */
async function release(queries: Queries, { nowMs, event }: Exchange, hold: Hold): Promise<Held> {
  const standing = await standingOf(queries, hold, nowMs)
  if (standing.isApproved) return { kind: 'released', hold }
  const { requestId } = event
  return { kind: 'waiting', hold: await reopen(queries, hold, standing, { nowMs, requestId }) }
}

/** RFC 8628 section 3.5: who polls too fast waits longer, from then on. */
const slowDownSeconds = 5

async function poll(queries: Queries, { nowMs }: Exchange, hold: Hold): Promise<Held> {
  const isTooSoon = nowMs - hold.polled_at.getTime() < hold.interval_seconds * 1_000
  const intervalSeconds = isTooSoon
    ? Math.min(hold.interval_seconds + slowDownSeconds, limits.holdPollSecondsMax)
    : hold.interval_seconds
  const polled = await notePoll(queries, hold.id, { now: new Date(nowMs), intervalSeconds })
  return { kind: isTooSoon ? 'too_soon' : 'waiting', hold: polled }
}

async function make(queries: Queries, gated: Gated): Promise<Held> {
  const { exchange, facts } = gated
  const { nowMs, zone } = exchange
  const row = rowOf(gated)
  const cause = causeOf(exchange)
  for (const old of await supersedeHolds(queries, row))
    await announceHold(queries, nowMs, 'approval.superseded', old, cause)
  const bound = limits.openHoldsPerApplication
  if ((await countOpenHolds(queries, zone, facts.client.id, bound)) >= bound)
    return { kind: 'over', reason: 'approvals_limit_reached' }
  const made = await insertHold(queries, row)
  if (made !== undefined) {
    await announceHold(queries, nowMs, 'approval.issued', made, cause)
    return { kind: 'made', hold: made }
  }
  // Another replica was first: it is the same request, and so the same hold.
  const other = await lockHoldOf(queries, zone, row.binding)
  if (other === undefined) throw new Error('a hold that is there cannot be read')
  return { kind: 'waiting', hold: other }
}

function rowOf(gated: Gated) {
  const { exchange, facts, subject, obligations } = gated
  const { nowMs } = exchange
  const { resource, zone } = facts.authority
  if (resource === null || zone.versionId === null)
    throw new TypeError('only scopes of a resource under a policy are gated')
  const now = new Date(nowMs)
  const ttlSeconds = Math.min(...obligations.map((obligation) => obligation.ttl_seconds))
  return {
    id: newId('approval', nowMs),
    zone_id: exchange.zone,
    state: 'pending' as const,
    binding: bindingOf(gated),
    application_id: facts.client.id,
    application_name: facts.client.name,
    session_id: subject.sessionId,
    user_id: subject.userId,
    resource_id: resource.id,
    resource_identifier: resource.identifier,
    scopes: gated.scopes.toSorted(),
    policy_set_version_id: zone.versionId,
    requirements: JSON.stringify(
      obligations.map(({ tier, approver, quorum, scopes }) => ({ tier, approver, quorum, scopes })),
    ),
    request_id: exchange.event.requestId,
    reason: null,
    mandate_jti: null,
    revision: 1,
    interval_seconds: limits.holdPollSeconds,
    polled_at: now,
    created_at: now,
    expires_at: new Date(nowMs + ttlSeconds * 1_000),
    decided_at: null,
    consumed_at: null,
  }
}

function bindingOf({ exchange, facts, subject, scopes, obligations }: Gated): string {
  return digestOf({
    zone: exchange.zone,
    client: facts.client.id,
    session: subject.sessionId,
    user: subject.userId,
    hops: subject.hops,
    resource: facts.authority.resource?.id ?? null,
    scopes: scopes.toSorted(),
    policy_set_version: facts.authority.zone.versionId,
    demands: obligations
      .map(({ tier, approver, quorum }) => ({ tier, approver, quorum }))
      .toSorted((a, b) => (a.tier < b.tier ? -1 : 1)),
  })
}

/** The client's own doing: it has asked for what people have to approve. */
export function causeOf({ event }: Exchange): Cause {
  return { actor: event.actor, requestId: event.requestId, traceId: event.traceId }
}
