import { setTimeout as sleep } from 'node:timers/promises'
import { deleteExpiredRevocations } from '../store/revocations.ts'
import { deleteExpiredUses } from '../store/used-once.ts'
import type { StsContext } from './context.ts'

const everyMs = 60_000
/** How long what has expired is kept: longer than the clocks of replicas may differ. */
const graceMs = 60_000

/** Removes once a minute what refuses nothing any more, until it is disposed of. */
export function startSweeping(context: Pick<StsContext, 'db' | 'clock' | 'log'>): AsyncDisposable {
  const stop = new AbortController()
  const sweeping = sweepUntil(context, stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await sweeping
    },
  }
}

async function sweepUntil(
  context: Pick<StsContext, 'db' | 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
    if (signal.aborted) return
    try {
      const before = new Date(context.clock.now() - graceMs)
      await context.db.transaction('*', async (queries) => {
        await deleteExpiredRevocations(queries, before)
        await deleteExpiredUses(queries, before)
      })
    } catch (error) {
      context.log.warn({ err: error }, 'expired revocations could not be removed')
    }
  }
}
