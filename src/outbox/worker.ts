import { setTimeout as sleep } from 'node:timers/promises'
import { deliverDue, type OutboxContext } from './deliver.ts'

/** How long a message waits at the most before its first attempt. */
const everyMs = 1_000

/** Sends what is due, again and again, until it is disposed of. Replicas may do so side by side. */
export function startDelivery(context: OutboxContext): AsyncDisposable {
  const stop = new AbortController()
  const running = keepDelivering(context, stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

async function keepDelivering(context: OutboxContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const sent = await deliverDue(context).catch((error: unknown) => {
      context.log.warn({ err: error }, 'the outbox could not be read; it is tried again')
      return 0
    })
    // Where there was something, there may be more.
    if (sent === 0) await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
