import type { PublishedRevocations } from './published-revocations.ts'

/** Something new of a zone, or the word that there is nothing new up to a number of its changes. */
export interface FeedEvent {
  readonly type: 'revocations' | 'heartbeat'
  readonly sequence: number
  /** JSON, made once for all who follow. */
  readonly data: string
}

/** A stream that follows a zone: from which address, and where to the events go. */
export interface Follower {
  readonly source: string | null
  readonly hear: (event: FeedEvent) => void
}

/** The followers of one zone here: one reading of the database tells all of them. */
export interface FollowedZone {
  readonly followers: ReadonlySet<Follower>
  /** What every follower has been told; null until the first of them has read. */
  sequence(): number | null
  /** Tells a follower what is numbered above `after`, and from then on whatever comes. */
  join(follower: Follower, after: number): Promise<void>
  leave(follower: Follower): void
  /** Reads what is new and tells it. Whoever asks during a reading is answered by the next one. */
  advance(): Promise<void>
  /** Says to all that there is nothing new. */
  beat(): void
}

/** `read` gives what is numbered above a number; it is the only thing that asks the database. */
export function followZone(read: (after: number) => Promise<PublishedRevocations>): FollowedZone {
  const followers = new Set<Follower>()
  /** What comes for a follower whose own first reading is not done. */
  const missed = new Map<Follower, FeedEvent[]>()
  let sequence: number | null = null
  let advancing: Promise<void> | null = null
  let again = false

  function tell(event: FeedEvent): void {
    for (const follower of followers) {
      const waiting = missed.get(follower)
      if (waiting === undefined) follower.hear(event)
      else waiting.push(event)
    }
  }

  async function advanceNow(): Promise<void> {
    while (again && sequence !== null) {
      again = false
      const found = await read(sequence)
      if (found.sequence === sequence) continue
      sequence = found.sequence
      tell(revocationsEvent(found))
    }
  }

  return {
    followers,
    sequence: () => sequence,
    async join(follower, after) {
      followers.add(follower)
      missed.set(follower, [])
      const found = await read(after)
      const waiting = missed.get(follower) ?? []
      missed.delete(follower)
      follower.hear(revocationsEvent(found))
      for (const event of waiting) if (event.sequence > found.sequence) follower.hear(event)
      sequence ??= found.sequence
    },
    leave(follower) {
      followers.delete(follower)
      missed.delete(follower)
    },
    advance() {
      again = true
      advancing ??= advanceNow().finally(() => {
        advancing = null
      })
      return advancing
    },
    beat() {
      if (sequence !== null)
        tell({ type: 'heartbeat', sequence, data: JSON.stringify({ sequence }) })
    },
  }
}

function revocationsEvent(found: PublishedRevocations): FeedEvent {
  return { type: 'revocations', sequence: found.sequence, data: JSON.stringify(found) }
}
