import autocannon from 'autocannon'
import { percentiles, type Measured } from './figure.ts'

interface Load {
  readonly url: string
  /** Form bodies, which the connections send in turn. */
  readonly forms: readonly URLSearchParams[]
  readonly connections: number
  readonly seconds: number
}

const warmUpSeconds = 3

/** Keeps every connection busy, first to warm up; throws where anything but a 200 came back. */
export async function underLoad(load: Load): Promise<Measured> {
  await fire({ ...load, seconds: warmUpSeconds })
  return fire(load)
}

async function fire({ url, forms, connections, seconds }: Load): Promise<Measured> {
  const durationsMs: number[] = []
  const requests = forms.map((form) => ({ body: form.toString() }))
  let turn = 0
  const result = await autocannon({
    ...{ url, connections, duration: seconds, method: 'POST' },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    setupClient: (client) => {
      const from = turn++ % requests.length
      client.setRequests([...requests.slice(from), ...requests.slice(0, from)])
      // The histogram of autocannon has whole milliseconds, and no 95th percentile.
      client.on('response', (status, _bytes, durationMs) => {
        if (status === 200) durationsMs.push(durationMs)
      })
    },
  })
  const failed = result.errors + result.timeouts + result.non2xx
  if (failed > 0) throw new Error(`${failed} requests to ${url} were not answered with 200`)
  return {
    perSecond: durationsMs.length / result.duration,
    ...percentiles(durationsMs),
    megabytes: null,
    note: `${durationsMs.length} requests`,
  }
}
