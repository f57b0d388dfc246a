import type { Clock } from '../../kernel/clock.ts'
import { Fault, isFault, refuse } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import type { Principal } from '../../gate/principal.ts'
import { findReply } from '../../store/conversations.ts'
import type { Database, Queries } from '../../store/database.ts'
import { claimRun, endRun, findRun, leaveRun, openRun, type RunClaim } from '../../store/runs.ts'
import type { MessageView } from './conversations.ts'
import { openRunFeed, RunLost, type RunFeed } from './run-feed.ts'
import { answerMessage } from './turn.ts'
import type { TurnContext } from './turn-context.ts'

/** A message that is to be answered, and on whose account. */
export interface RunRequest {
  readonly zone: ZoneId
  readonly principal: Principal
  readonly message: MessageView
  readonly requestId: string
  readonly traceId: string | undefined
}

/**
 * The runs that answer messages. Every message has one, whichever replica it is sent to and however
 * often; disposing of this leaves those that are in hand here for another replica to take up.
 */
export interface Runs extends AsyncDisposable {
  /** Takes the run of a message in hand where nobody has it; it goes on by itself. */
  take(request: RunRequest): Promise<void>
}

export function startRuns(context: {
  readonly db: Database
  readonly clock: Clock
  readonly turns: TurnContext
  readonly log: TurnContext['log']
}): Runs {
  const { db, clock, turns, log } = context
  const inHand = new Map<RunFeed, Promise<void>>()
  const leaving = new AbortController()
  const isLeaving = (): boolean => leaving.signal.aborted

  async function run(request: RunRequest, claim: RunClaim, feed: RunFeed): Promise<void> {
    const { zone, message, requestId } = request
    try {
      if (claim.lastSequence > 0) feed.emit({ type: 'restart' })
      await answerMessage(turns, {
        ...request,
        refusal: claim.attempt > limits.runAttempts ? brokenTooOften() : null,
        earlierRequests: claim.earlierRequests,
        signal: feed.signal,
        emit: (event) => {
          feed.emit(event)
        },
        confirm: () => feed.flush(),
        end: (queries) => endRun(queries, claim, new Date(clock.now())),
      })
    } catch (error) {
      if (!(error instanceof RunLost))
        log.error({ err: error, requestId, message: message.id }, 'a run broke off')
      const failure = error instanceof RunLost ? null : failureOf(error)
      await db
        .transaction(zone, (queries) => leaveRun(queries, claim, failure))
        .catch(() => undefined)
    } finally {
      await feed[Symbol.asyncDispose]()
    }
  }

  return {
    async take(request) {
      const { zone, message, requestId } = request
      if (isLeaving()) return
      const claim = await db.transaction(zone, async (queries) => {
        await openRun(queries, message.id, new Date(clock.now()))
        const claimed = await claimRun(queries, zone, message.id, requestId)
        if (claimed === null && !(await isTaken(queries, message.id)))
          refuse('not_found', 'This conversation has been deleted.')
        return claimed
      })
      if (claim === null) return
      const feed = openRunFeed(db, claim)
      inHand.set(
        feed,
        run(request, claim, feed).finally(() => inHand.delete(feed)),
      )
      if (isLeaving()) feed.leave()
    },
    async [Symbol.asyncDispose]() {
      leaving.abort()
      for (const feed of inHand.keys()) feed.leave()
      await Promise.all(inHand.values())
    },
  }
}

async function isTaken(queries: Queries, messageId: string): Promise<boolean> {
  const run = await findRun(queries, messageId)
  return run !== undefined || (await findReply(queries, messageId)) !== undefined
}

function brokenTooOften(): Fault {
  return new Fault(
    'model_unavailable',
    `Answering this broke off ${limits.runAttempts} times: say it in another way.`,
  )
}

/** What whoever listens is told: of an unexpected error nothing but that there was one. */
function failureOf(error: unknown): { code: string; message: string } {
  return isFault(error)
    ? { code: error.code, message: error.message }
    : { code: 'internal', message: 'The answer broke off; send the message again.' }
}
