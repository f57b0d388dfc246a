import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../store/database.ts'
import { beatRun, stopNotice, type RunClaim } from '../../store/runs.ts'
import type { TurnEvent } from '../model/model.ts'

/** What a run says: `restart` where an attempt begins anew, and the text before it counts no more. */
export type RunEvent = TurnEvent | { readonly type: 'restart' }

/** The run is in other hands, or its process is leaving: whoever had it must keep nothing. */
export class RunLost extends Error {
  constructor() {
    super('this run is in other hands')
    this.name = 'RunLost'
  }
}

/** What one attempt at a run says, on its way into the database, from where everybody reads it. */
export interface RunFeed extends AsyncDisposable {
  /** Aborted by {@link RunLost}, or by any other reason where the person has stopped the run. */
  readonly signal: AbortSignal
  emit(event: RunEvent): void
  /** Resolves when everything said is written; throws the signal's reason where that is aborted. */
  flush(): Promise<void>
  /** Gives the run up. */
  leave(): void
}

/** The least time between two writes: what a model says meanwhile shares one. */
const gapMs = 80
/** How often a run that says nothing shows that it is alive; a fifth of its lease. */
const beatMs = 2_000

/** Events are kept before anybody hears them, so that no sequence is ever taken back. */
export function openRunFeed(db: Database, claim: RunClaim): RunFeed {
  const stop = new AbortController()
  const closed = new AbortController()
  const writer = writerOf(db, claim, stop)
  let awake = Promise.withResolvers<null>()
  const wake = (): void => {
    awake.resolve(null)
  }
  const hearing = db.runNotices.hear((named) => {
    if (named === null || named === stopNotice(claim.messageId)) wake()
  })
  if (claim.cancelled) stop.abort(new Error('stopped'))

  async function keepWriting(): Promise<void> {
    for (;;) {
      if (!writer.waits()) await Promise.race([awake.promise, pause(beatMs)])
      if (closed.signal.aborted) return
      awake = Promise.withResolvers()
      await writer.write().catch(() => undefined)
      await pause(gapMs)
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: closed.signal, ref: false }).catch(() => undefined)
  }

  const keeping = keepWriting()
  return {
    signal: stop.signal,
    emit(event) {
      writer.add(event.type === 'plan' ? { type: 'plan', plan_id: event.plan.id } : event)
      wake()
    },
    async flush() {
      do await writer.write()
      while (writer.waits())
      stop.signal.throwIfAborted()
    },
    leave() {
      stop.abort(new RunLost())
    },
    async [Symbol.asyncDispose]() {
      hearing[Symbol.dispose]()
      closed.abort()
      wake()
      await keeping
    },
  }
}

interface Writer {
  add(event: unknown): void
  /** Whether something is still to be written. */
  waits(): boolean
  /** Writes what there is, or else that the run is in hand; whoever asks meanwhile shares a write. */
  write(): Promise<void>
}

/** Aborts `stop` where a write shows that the run was stopped, or is in other hands. */
function writerOf(db: Database, claim: RunClaim, stop: AbortController): Writer {
  let buffer: unknown[] = []
  let batch: readonly unknown[] = []
  let written = claim.lastSequence
  let writing: Promise<void> | null = null

  /** A batch whose fate is unknown is written again as it was. */
  async function writeOnce(): Promise<void> {
    if (batch.length === 0) {
      batch = buffer
      buffer = []
    }
    const run = await db.transaction(claim.zone, (queries) =>
      beatRun(queries, claim, written, batch),
    )
    if (run === null) stop.abort(new RunLost())
    else if (run.cancelled) stop.abort(new Error('stopped'))
    written += batch.length
    batch = []
  }

  return {
    add(event) {
      buffer.push(event)
    },
    waits: () => buffer.length + batch.length > 0,
    write() {
      writing ??= writeOnce().finally(() => {
        writing = null
      })
      return writing
    },
  }
}
