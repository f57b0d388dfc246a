import { setTimeout as sleep } from 'node:timers/promises'
import { deleteExpiredSignIns } from '../store/authorization-codes.ts'
import { deleteExpiredRefreshTokens } from '../store/refresh-tokens.ts'
import { deleteExpiredRevocations } from '../store/revocations.ts'
import { deleteExpiredUses } from '../store/used-once.ts'
import type { StsContext } from './context.ts'
import { reconcileSystemZone } from './reconcile.ts'

const everyMs = 60_000
/** Rounds between two looks at the age of the system zone's keys. */
const roundsOfReconcile = 60
/** How long what has expired is kept: longer than the clocks of replicas may differ. */
const graceMs = 60_000

/**
 * Once a minute removes what refuses nothing any more, and once an hour replaces the keys of the
 * system zone that are due, until it is disposed of. Replicas may do so side by side.
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
      if (round % roundsOfReconcile === 0) await reconcileSystemZone(context)
    } catch (error) {
      context.log.warn({ err: error }, 'the upkeep of the STS failed; it is tried again')
    }
  }
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
