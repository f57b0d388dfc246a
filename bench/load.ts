import { readFile } from 'node:fs/promises'
import autocannon from 'autocannon'
import { percentiles, type Measured } from './figure.ts'
import type { Running } from './installation.ts'

/** A form that is posted to an OAuth endpoint of a zone. */
export interface FormRequest {
  /** The zone, by id or slug. */
  readonly zone: string
  /** `token` when absent. */
  readonly endpoint?: 'introspect'
  readonly form: URLSearchParams
}

interface Load {
  readonly service: Pick<Running, 'url' | 'pid'>
  /** What the connections ask for in turn. */
  readonly requests: readonly FormRequest[]
  readonly connections: number
  /** How long, or how many requests in all. */
  readonly bound: { readonly seconds: number } | { readonly requests: number }
}

const warmUpSeconds = 3

/** Keeps every connection busy, first to warm up; throws where anything but a 200 came back. */
export async function underLoad(load: Load): Promise<Measured> {
  await fire({ ...load, bound: { seconds: warmUpSeconds } })
  return fire(load)
}

/** One load, without a warm-up. */
export async function fire(load: Load): Promise<Measured> {
  const { service, connections, bound } = load
  const { url } = service
  const durationsMs: number[] = []
  const requests = load.requests.map(({ zone, endpoint = 'token', form }) => ({
    path: `/zones/${zone}/oauth2/${endpoint}`,
    body: form.toString(),
  }))
  const cpuBeforeMs = await cpuMsOf(service.pid)
  let turn = 0
  const result = await autocannon({
    ...{ url, connections, method: 'POST' },
    ...('seconds' in bound ? { duration: bound.seconds } : { amount: bound.requests }),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    setupClient: (client) => {
      const from = turn++ % requests.length
      // Each connection has its share: making all of them for each would stall the generator.
      client.setRequests(
        requests.filter((_, nth) => nth >= from && (nth - from) % connections === 0),
      )
      // The histogram of autocannon has whole milliseconds, and no 95th percentile.
      client.on('response', (status, _bytes, durationMs) => {
        if (status === 200) durationsMs.push(durationMs)
      })
    },
  })
  const failed = result.errors + result.timeouts + result.non2xx
  if (failed > 0) throw new Error(`${failed} requests to ${url} were not answered with 200`)
  const cpuMs = ((await cpuMsOf(service.pid)) - cpuBeforeMs) / durationsMs.length
  const cpu = cpuMs > 0 ? `, ${cpuMs.toFixed(3)} ms of CPU each` : ''
  return {
    perSecond: durationsMs.length / result.duration,
    ...percentiles(durationsMs),
    megabytes: null,
    note: `${durationsMs.length} requests${cpu}`,
  }
}

/** Of proc_pid_stat(5), which Linux keeps at 100 to the second whatever the kernel's own clock. */
const msOfTick = 10

/**
 * CPU time of all threads of a process so far: other than the time on the wall it hardly changes with what else the
 * machine does. 0 where it cannot be known.
 */
async function cpuMsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [user = '0', system = '0'] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) * msOfTick
}
