import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../kernel/faults.ts'

/** Long enough for whoever was waited for to be given the locks that were let go. */
const pauseMs = 50

/**
 * Runs a whole transaction, and once more a moment later where PostgreSQL has ended it for the sake of another: a
 * deadlock (40P01) or a failure to serialize (40001), after which nothing of it is there. `run` must
 * do nothing outside of its transaction. Throws `not_ready` where the second try ends like that too.
 */
export async function onceMore<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!isOthersTurn(error)) throw error
  }
  await sleep(pauseMs)
  return run().catch((error: unknown) => {
    if (!isOthersTurn(error)) throw error
    throw new Fault('not_ready', 'Other requests came in between; send it again.', { cause: error })
  })
}

function isOthersTurn(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === '40P01' || error.code === '40001'
}
