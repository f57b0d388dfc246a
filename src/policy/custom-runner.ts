import { setImmediate as afterInput } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { limits } from '../kernel/limits.ts'
import type { CustomFailure } from './reasons-table.ts'

/** What a custom policy says about one input. */
export interface CustomAnswer {
  readonly deny: readonly string[]
  readonly require_approval: readonly string[]
}

export type CustomOutcome = CustomAnswer | CustomFailure

/** What the worker is sent; the wasm only where it does not have it yet. */
export interface CustomJob {
  readonly digest: string
  readonly wasm?: Uint8Array
  readonly inputs: readonly unknown[]
}

/**
 * Evaluates custom Rego in a worker thread, because an evaluation knows no end of its own. The thread
 * begins with the first evaluation; where none ever comes there is none.
 */
export interface CustomRunner extends AsyncDisposable {
  /** One outcome for each input. Whatever goes wrong is an outcome too. */
  run(
    digest: string,
    load: (digest: string) => Promise<Uint8Array>,
    inputs: readonly unknown[],
  ): Promise<readonly CustomOutcome[]>
}

interface Waiting extends CustomJob {
  readonly wasm: Uint8Array
  readonly resolve: (outcomes: readonly CustomOutcome[]) => void
}

type Heard = readonly CustomOutcome[] | CustomFailure

interface Running {
  readonly worker: Worker
  /** The modules that it has. */
  readonly sent: Set<string>
  /** Takes what the thread says next, or that it has failed. */
  hear: (heard: Heard) => void
}

/** Evaluations that may wait for the thread, about a second's worth. */
const queueJobs = 5_000
const modulesKept = 32
/** After so many timeouts in a row a policy is refused unheard, so that it cannot hold up others. */
const timeoutsInRow = 3
const coolOffMs = 5_000

export function createCustomRunner(): CustomRunner {
  const modules = new Map<string, Promise<Uint8Array>>()
  const breaker = createBreaker()
  const queue: Waiting[] = []
  let running: Running | null = null
  let pumping = false

  async function pump(): Promise<void> {
    pumping = true
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { digest, inputs, resolve } = job
      if (breaker.isOpen(digest)) {
        resolve(inputs.map(() => 'custom_policy_timeout'))
        continue
      }
      if (running !== null && running.sent.size >= modulesKept) await end()
      running ??= await start()
      const outcomes = running === null ? 'custom_policy_failed' : await evaluateIn(running, job)
      if (typeof outcomes === 'string') await end()
      breaker.note(digest, outcomes === 'custom_policy_timeout')
      resolve(typeof outcomes === 'string' ? inputs.map(() => outcomes) : outcomes)
    }
    pumping = false
  }

  async function end(): Promise<void> {
    const ended = running?.worker.terminate()
    running = null
    await ended
  }

  function wasmOf(
    digest: string,
    load: (digest: string) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const known = modules.get(digest)
    if (known !== undefined) return known
    if (modules.size >= modulesKept) modules.clear()
    // A buffer of the driver may be a part of a larger one, which would be sent with it.
    const loaded = load(digest).then((wasm) => new Uint8Array(wasm))
    modules.set(digest, loaded)
    // What could not be read may be readable the next time.
    loaded.catch(() => modules.delete(digest))
    return loaded
  }

  return {
    async run(digest, load, inputs) {
      let wasm: Uint8Array
      try {
        wasm = await wasmOf(digest, load)
      } catch {
        return inputs.map(() => 'custom_policy_failed')
      }
      if (queue.length >= queueJobs) return inputs.map(() => 'custom_policy_timeout')
      return new Promise((resolve) => {
        queue.push({ digest, wasm, inputs, resolve })
        if (!pumping) void pump()
      })
    },
    [Symbol.asyncDispose]: end,
  }
}

/**
 * The thread has no environment, no way to the terminal and a small heap, and holds up no exit of
 * the process. Null where it cannot begin.
 */
async function start(): Promise<Running | null> {
  // The file beside this one, with its ending: .ts in a checkout, .js where it is compiled.
  const file = import.meta.filename.replace(/custom-runner(?=\.[jt]s$)/, 'custom-worker')
  const worker = new Worker(file, {
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  })
  const running: Running = { worker, sent: new Set(), hear: () => undefined }
  const fail = (): void => {
    running.hear('custom_policy_failed')
  }
  worker
    .on('message', (heard: Heard) => {
      running.hear(heard)
    })
    .on('error', fail)
    .on('exit', fail)
  // What it says first is that it is ready: its start is on nobody's account.
  const said = await new Promise<Heard>((resolve) => (running.hear = resolve))
  worker.unref()
  return said === 'custom_policy_failed' ? null : running
}

/** The outcomes of a job, or why the thread gave none and must be ended. */
async function evaluateIn(running: Running, { digest, wasm, inputs }: Waiting): Promise<Heard> {
  const { worker, sent } = running
  let watch: Watch | undefined
  worker.ref()
  try {
    return await new Promise<Heard>((resolve) => {
      running.hear = resolve
      worker.postMessage(sent.has(digest) ? { digest, inputs } : { digest, wasm, inputs })
      sent.add(digest)
      watch = watchOver(worker, () => {
        resolve('custom_policy_timeout')
      })
    })
  } finally {
    watch?.end()
    worker.unref()
  }
}

interface Watch {
  end(): void
}

/**
 * Calls when the thread has spent its time on an evaluation. The time is that of its processor, so
 * that a busy machine refuses nobody; by the clock it may take a good deal longer, not any amount.
 */
function watchOver(worker: Worker, spent: () => void): Watch {
  const begunAtMs = performance.now()
  let ended = false
  let timer: NodeJS.Timeout
  let beforeMs: number | null = null
  const check = async (): Promise<void> => {
    // An answer that waits for this thread's attention came in time.
    await afterInput()
    const nowMs = await cpuMs(worker)
    if (ended) return
    beforeMs ??= nowMs
    const isSpent =
      nowMs - beforeMs >= limits.customPolicyCpuMs ||
      performance.now() - begunAtMs >= limits.customPolicyWaitMs
    if (isSpent) spent()
    else begin()
  }
  const begin = (): void => {
    timer = setTimeout(() => void check(), limits.customPolicyCpuMs)
  }
  begin()
  return {
    end() {
      ended = true
      clearTimeout(timer)
    },
  }
}

async function cpuMs(worker: Worker): Promise<number> {
  try {
    const { user, system } = await worker.cpuUsage()
    return (user + system) / 1_000
  } catch {
    // It has ended, and its exit is heard.
    return 0
  }
}

interface Breaker {
  isOpen(digest: string): boolean
  note(digest: string, timedOut: boolean): void
}

function createBreaker(): Breaker {
  const timeouts = new Map<string, { readonly count: number; readonly lastMs: number }>()
  return {
    isOpen(digest) {
      const { count, lastMs } = timeouts.get(digest) ?? { count: 0, lastMs: 0 }
      return count >= timeoutsInRow && performance.now() - lastMs < coolOffMs
    },
    note(digest, timedOut) {
      if (!timedOut) return void timeouts.delete(digest)
      if (timeouts.size >= modulesKept) timeouts.clear()
      const { count } = timeouts.get(digest) ?? { count: 0 }
      timeouts.set(digest, { count: count + 1, lastMs: performance.now() })
    },
  }
}
