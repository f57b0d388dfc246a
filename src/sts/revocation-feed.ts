import { setTimeout as sleep } from 'node:timers/promises'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { revocationsAfter } from '../store/revocations.ts'
import { trustSequences } from '../store/trust-sequences.ts'
import type { StsContext } from './context.ts'
import { followZone, type FeedEvent, type FollowedZone } from './followed-zone.ts'
import { publish, type PublishedRevocations } from './published-revocations.ts'
import type { Trust } from './trust.ts'

/** The revocations of one zone (authority.md, Revocation). */
export interface ZoneFeed {
  /** Everything that is revoked. */
  snapshot(): Promise<PublishedRevocations>
  /**
   * Calls back with what is numbered above `after`, at once and as it comes, until it is disposed
   * of. Refuses `rate_limited` where too many follow already, in all or from one source.
   */
  follow(
    after: number,
    source: string | null,
    hear: (event: FeedEvent) => void,
  ): Promise<Disposable>
}

export interface RevocationFeed extends AsyncDisposable {
  of(zone: ZoneId): ZoneFeed
}

type Feeds = Map<ZoneId, FollowedZone>
type FeedContext = Pick<StsContext, 'db' | 'clock' | 'log'>

/**
 * One reading of the database for each change of a zone, however many follow it here. Heartbeats
 * say that this replica has just compared its number with the database: where it cannot, it is
 * silent, and verifiers refuse rather than trust a feed that knows nothing new.
 */
export function createRevocationFeed(context: FeedContext, trust: Trust): RevocationFeed {
  const zones: Feeds = new Map()
  const stop = new AbortController()
  const hearing = context.db.trustNotices.hear((zone) => {
    for (const [id, followed] of zones) if (zone === null || zone === id) advanceSoon(followed)
  })
  const checking = keepChecking(context, zones, stop.signal)

  async function follow(
    zone: ZoneId,
    after: number,
    source: string | null,
    hear: (event: FeedEvent) => void,
  ): Promise<Disposable> {
    admit(zones, source)
    const followed = zones.get(zone) ?? followZone((from) => readAfter(context, zone, from))
    zones.set(zone, followed)
    const follower = { source, hear }
    const leave = (): void => {
      followed.leave(follower)
      if (followed.followers.size === 0 && zones.get(zone) === followed) zones.delete(zone)
    }
    try {
      await followed.join(follower, after)
    } catch (error) {
      leave()
      throw error
    }
    // What changed while the first of them read has been told to nobody.
    advanceSoon(followed)
    return { [Symbol.dispose]: leave }
  }

  return {
    of: (zone) => ({
      snapshot: async () => publish(await trust.revocations(zone)),
      follow: (after, source, hear) => follow(zone, after, source, hear),
    }),
    async [Symbol.asyncDispose]() {
      hearing[Symbol.dispose]()
      stop.abort()
      await checking
    },
  }
}

/** A reading that fails is made again by the next check, which finds the number still behind. */
function advanceSoon(followed: FollowedZone): void {
  followed.advance().catch(() => undefined)
}

/** Somebody else's stream has to end first, and nobody knows when. */
const retryAfterSeconds = 5

function admit(zones: Feeds, source: string | null): void {
  const followers = [...zones.values()].flatMap((followed) => [...followed.followers])
  const ofSource = followers.filter((follower) => follower.source === source).length
  if (followers.length >= limits.feedStreams || ofSource >= limits.feedStreamsPerSource)
    refuse('rate_limited', 'Too many streams are open; read the feed as JSON, or try later.', {
      details: { reason: 'feed_streams_exhausted', retry_after: retryAfterSeconds },
    })
}

async function readAfter(
  { db, clock }: FeedContext,
  zone: ZoneId,
  sequence: number,
): Promise<PublishedRevocations> {
  const found = await db.transaction(zone, async (queries) => {
    const newer = await revocationsAfter(queries, zone, sequence, clock.now())
    // A database that was restored has fewer changes than somebody has seen: everything again.
    return newer.sequence < sequence ? revocationsAfter(queries, zone, 0, clock.now()) : newer
  })
  return publish(found)
}

/** Between two looks at the numbers of the zones that are followed: how late a lost notice is seen. */
const checkEveryMs = 500

async function keepChecking(
  context: FeedContext,
  zones: Feeds,
  signal: AbortSignal,
): Promise<void> {
  let beatAtMs = 0
  for (;;) {
    await sleep(checkEveryMs, undefined, { signal, ref: false }).catch(() => undefined)
    if (signal.aborted) return
    const beats = performance.now() - beatAtMs >= limits.feedHeartbeatMs
    if (beats) beatAtMs = performance.now()
    try {
      if (zones.size > 0) await check(context, zones, beats)
    } catch (error) {
      if (beats) context.log.warn({ err: error }, 'the revocation feeds cannot be kept up')
    }
  }
}

async function check({ db }: FeedContext, zones: Feeds, beats: boolean): Promise<void> {
  const numbers = await db.transaction('*', (queries) => trustSequences(queries, [...zones.keys()]))
  for (const [zone, followed] of zones) {
    if ((numbers.get(zone) ?? 0) !== followed.sequence()) await followed.advance()
    if (beats) followed.beat()
  }
}
