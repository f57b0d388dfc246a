import { setTimeout as sleep } from 'node:timers/promises'
import { createIntegrator, type Integrator, type IntegratorContext } from './integrate.ts'

/** How long an event waits at the most until a round begins that takes it. */
const everyMs = 250

/**
 * Integrates events round by round until it is disposed of. Replicas may do so side by side: the
 * lock lets one of them at a time.
 */
export function startSequencer(context: IntegratorContext): AsyncDisposable {
  const stop = new AbortController()
  const running = keepIntegrating(createIntegrator(context), context, stop.signal)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

async function keepIntegrating(
  integrator: Integrator,
  { log }: IntegratorContext,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const more = await integrator.round().catch((error: unknown) => {
      log.error({ err: error }, 'the audit log could not be integrated; it is tried again')
      return false
    })
    if (!more) await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
