import { setTimeout as sleep } from 'node:timers/promises'
import type { PlatformEvent, Target } from '../audit/event.ts'
import type { PlatformEventType } from '../audit/event-types.ts'
import { applyRetention } from '../audit/retention.ts'
import { recordEvents } from '../audit/record.ts'
import { newId, type ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { archiveApplication } from '../store/applications.ts'
import { expiredRegistrations, zonesOfExpired } from '../store/registrations.ts'
import { finishedThings } from '../store/finished.ts'
import { atRevision, openTx } from '../store/tx.ts'
import { lockZone } from '../store/zones.ts'
import { deleteExpiredSignIns } from '../store/authorization-codes.ts'
import { deleteExpiredRefreshTokens } from '../store/refresh-tokens.ts'
import { deleteExpiredRevocations } from '../store/revocations.ts'
import { deleteExpiredUses } from '../store/used-once.ts'
import { announceHold, byItself } from '../outbox/announce.ts'
import { expireHolds } from '../store/holds.ts'
import type { StsContext } from './context.ts'
import { activateNextKeys, deleteRetiredKeys } from '../store/zone-keys.ts'
import { reconcileSystemZone } from './reconcile.ts'

const everyMs = 60_000
/** Rounds between two looks at the age of the system zone's keys. */
const roundsOfReconcile = 60
/** How long what has expired is kept: longer than the clocks of replicas may differ. */
const graceMs = 60_000

/**
 * Once a minute removes what refuses nothing any more, turns the keys of zones and archives the
 * registrations that have expired, removes what was finished long ago, and once an hour replaces the
 * keys of the system zone that are due, until it is disposed of. Replicas may do so side by side.
 */
export function startUpkeep(context: StsContext): AsyncDisposable {
  const stop = new AbortController()
  const running = keepUp(context, stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

async function keepUp(context: StsContext, signal: AbortSignal): Promise<void> {
  for (let round = 1; ; round += 1) {
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
    if (signal.aborted) return
    try {
      await removeExpired(context)
      await expireApprovals(context)
      await turnKeys(context)
      await archiveExpired(context)
      await applyRetention(context)
      await pruneFinished(context)
      if (round % roundsOfReconcile === 0) await reconcileSystemZone(context)
    } catch (error) {
      context.log.warn({ err: error }, 'the upkeep of the STS failed; it is tried again')
    }
  }
}

/**
 * Lets the published keys sign whose time has come, each with its event, and destroys those that
 * verify nothing any more.
 */
export async function turnKeys(context: Pick<StsContext, 'db' | 'clock'>): Promise<void> {
  const nowMs = context.clock.now()
  await context.db.transaction('*', async (queries) => {
    const activated = await activateNextKeys(queries, new Date(nowMs))
    await recordEvents(
      queries,
      nowMs,
      activated.map(({ zone, kid }) =>
        eventOf('key.activate', zone, nowMs, { kind: 'key', id: kid, name: null }),
      ),
    )
    await deleteRetiredKeys(queries, new Date(nowMs - graceMs))
  })
}

/**
 * Archives the registered workloads that have expired, with their grants: what nobody can use any
 * more frees its name. A runtime act, as their registration was. Each zone is locked first, as it is
 * by whoever administers it.
 */
export async function archiveExpired(context: Pick<StsContext, 'db' | 'clock'>): Promise<void> {
  const nowMs = context.clock.now()
  const before = new Date(nowMs - graceMs)
  const zones = await context.db.transaction('*', (queries) => zonesOfExpired(queries, before))
  for (const zone of zones)
    await context.db.transaction(zone, async (queries) => {
      const revision = (await lockZone(queries, zone))?.revision ?? 0
      const tx = atRevision(openTx(queries, zone, nowMs), revision)
      const events: PlatformEvent[] = []
      for (const application of await expiredRegistrations(queries, zone, before)) {
        await archiveApplication(tx, application)
        const { id, name } = application
        const target = { kind: 'application', id, name }
        events.push({ ...eventOf('application.expire', zone, nowMs, target), applicationId: id })
      }
      await recordEvents(queries, nowMs, events)
    })
}

function eventOf(
  type: PlatformEventType,
  zone: ZoneId,
  nowMs: number,
  target: Target,
): PlatformEvent {
  const actor = { kind: 'platform', id: 'platform', name: 'caracal.sys' } as const
  const requestId = newId('request', nowMs)
  return { zone, type, outcome: 'applied', actor, requestId, target }
}

/** Removes used values and revocations that expired more than a minute ago, in every zone. */
export async function removeExpired(context: Pick<StsContext, 'db' | 'clock'>): Promise<void> {
  const before = new Date(context.clock.now() - graceMs)
  await context.db.transaction('*', async (queries) => {
    await deleteExpiredRevocations(queries, before)
    await deleteExpiredUses(queries, before)
    await deleteExpiredSignIns(queries, before)
    await deleteExpiredRefreshTokens(queries, before)
  })
}

/**
 * Removes what has been finished for longer than its retention, in every zone, a little in each
 * transaction; what one round does not come to is left for the next. Events are kept.
 */
export async function pruneFinished({
  db,
  clock,
}: Pick<StsContext, 'db' | 'clock'>): Promise<void> {
  const before = new Date(clock.now() - limits.finishedRetentionSeconds * 1_000)
  for (const prune of finishedThings) {
    // What others rested upon is free once they are gone: until there is nothing more to remove.
    for (let all = 0, removed = 1; removed > 0 && all < limits.prunedPerRound; all += removed)
      removed = await db.transaction('*', (queries) => prune(queries, before, limits.prunedAtOnce))
  }
}

/** Ends the holds whose time has passed, in every zone, with an event for each. */
export async function expireApprovals(context: Pick<StsContext, 'db' | 'clock'>): Promise<void> {
  const nowMs = context.clock.now()
  await context.db.transaction('*', async (queries) => {
    for (const hold of await expireHolds(queries, new Date(nowMs))) {
      const cause = byItself(newId('request', nowMs))
      await announceHold(queries, nowMs, 'approval.expired', hold, cause)
    }
  })
}
