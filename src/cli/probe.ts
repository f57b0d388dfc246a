/** What an open route of the service answered; `ok` is false where nothing did. */
export interface Probe {
  readonly ok: boolean
  readonly body: Readonly<Record<string, unknown>> | null
  /** How far the service's clock is ahead of this machine's, as its Date header says. */
  readonly clockAheadMs: number | null
}

const probeLimitMs = 3_000

/** Asks a route that needs no credential, and never throws. */
export async function probe(url: string, path: string): Promise<Probe> {
  try {
    const asked = Date.now()
    const response = await fetch(`${url}${path}`, {
      redirect: 'error',
      signal: AbortSignal.timeout(probeLimitMs),
    })
    const middle = (asked + Date.now()) / 2
    const date = Date.parse(response.headers.get('date') ?? '')
    const body: unknown = await response.json().catch(() => null)
    return {
      ok: response.ok,
      body: typeof body === 'object' ? (body as Probe['body']) : null,
      clockAheadMs: Number.isNaN(date) ? null : date - middle,
    }
  } catch {
    return { ok: false, body: null, clockAheadMs: null }
  }
}
