import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../kernel/clock.ts'
import { Fault, faultStatus, type FaultCode } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { findReply, type MessageRecord } from '../../store/conversations.ts'
import type { Database, Queries } from '../../store/database.ts'
import { approvalsOf } from '../../store/plans.ts'
import { findRun, runEventsAfter, type RunState } from '../../store/runs.ts'
import { messageView, type MessageView } from './conversations.ts'
import type { TurnEvent } from '../model/model.ts'
import { planOf } from '../plans/plan-lookup.ts'
import { planView } from '../plans/plan-view.ts'
import type { RunEvent } from './run-feed.ts'

/** An event of a run with its place in it; `done` is the last. */
export interface Followed {
  readonly sequence: number
  readonly event: RunEvent | { readonly type: 'done'; readonly reply: MessageView }
}

/** How long a follower who is told nothing waits before it looks by itself. */
const lookEveryMs = 1_000

/**
 * What a run says behind a sequence, as it says it, on whichever replica: each event once and in
 * order, up to `done`. Null stands for the beginning, or for the reply alone where there is one.
 * Ends without `done` where nobody has the run in hand any more. Throws the {@link Fault} by which
 * the run broke off.
 */
export async function* followRun(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  zone: ZoneId,
  messageId: string,
  since: number | null,
  signal: AbortSignal,
): AsyncGenerator<Followed> {
  let after = since
  let told = Promise.withResolvers<null>()
  const hearing = db.runNotices.hear((named) => {
    if (named === null || named === messageId) told.resolve(null)
  })
  try {
    while (!signal.aborted) {
      const seen = after
      const page = await db.transaction(zone, (queries) =>
        readOn(queries, zone, messageId, seen, clock.now()),
      )
      yield* page.events
      if (page.failure !== null) throw page.failure
      if (page.ended) return
      after = page.events.at(-1)?.sequence ?? after ?? 0
      if (page.events.length > 0) continue
      await Promise.race([told.promise, pause(signal)])
      told = Promise.withResolvers()
    }
  } finally {
    hearing[Symbol.dispose]()
  }
}

interface Page {
  readonly events: readonly Followed[]
  /** Whether nothing comes behind these. */
  readonly ended: boolean
  readonly failure: Fault | null
}

/** The state is read before the events, so that those of a run that has ended are all there. */
async function readOn(
  queries: Queries,
  zone: ZoneId,
  messageId: string,
  seen: number | null,
  nowMs: number,
): Promise<Page> {
  const run = await findRun(queries, messageId)
  const reply = run?.state === 'running' ? undefined : await findReply(queries, messageId)
  const last = run?.last_sequence ?? (seen ?? 0) + 1
  if (reply !== undefined && seen === null)
    return { events: [doneOf(reply, last)], ended: true, failure: null }
  const stored = await runEventsAfter(queries, messageId, seen ?? 0)
  const events: Followed[] = []
  for (const { sequence, event } of stored)
    events.push({ sequence, event: await eventOf(queries, zone, event, nowMs) })
  if (stored.length > 0) return { events, ended: false, failure: null }
  if (reply !== undefined) return { events: [doneOf(reply, last)], ended: true, failure: null }
  return { events, ended: run?.stale !== false, failure: failureOf(run) }
}

function doneOf(reply: MessageRecord, sequence: number): Followed {
  return { sequence, event: { type: 'done', reply: messageView(reply) } }
}

/** A plan is told as it is when it is told, not as it was. */
async function eventOf(
  queries: Queries,
  zone: ZoneId,
  event: unknown,
  nowMs: number,
): Promise<RunEvent> {
  const stored = event as Exclude<TurnEvent, { type: 'plan' }> | { type: 'plan'; plan_id: string }
  if (stored.type !== 'plan') return stored
  const row = await planOf(queries, zone, stored.plan_id)
  return { type: 'plan', plan: planView(row, await approvalsOf(queries, [row.id]), nowMs) }
}

function failureOf(run: RunState | undefined): Fault | null {
  if (run?.state !== 'broken') return null
  const { code = 'internal', message = '' } = run.failure ?? {}
  return new Fault(code in faultStatus ? (code as FaultCode) : 'internal', message)
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined)
}
