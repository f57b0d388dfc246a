import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createMandateVerifier,
  type MandateVerifier,
} from '../../src/client/verifier/mandate-verifier.ts'
import { startVerifierWorld, type VerifierWorld } from './verifier-world.ts'

let at: VerifierWorld

beforeAll(async () => {
  at = await startVerifierWorld()
})
afterAll(() => at[Symbol.asyncDispose]())

/** What becomes of a request with a mandate: `ok`, or the code of the refusal. */
async function fate(verifier: MandateVerifier, token: string): Promise<string> {
  const facts = { method: 'GET', path: '/', authorization: `Bearer ${token}`, dpop: null }
  return verifier.verify(facts).then(
    () => 'ok',
    (error: unknown) => String((error as { code?: unknown }).code),
  )
}

function until(verifier: MandateVerifier, token: string, wanted: string): Promise<void> {
  return vi.waitFor(async () => expect(await fate(verifier, token)).toBe(wanted), {
    timeout: 15_000,
    interval: 10,
  })
}

/** A network that can be cut, and that counts what goes over it. */
interface Network {
  readonly fetch: typeof fetch
  readonly asked: { snapshots: number; streams: number; keys: number }
  isCut: boolean
  /** Refuses streams, as the service does where there are too many. */
  isCrowded: boolean
  /** Ends what is open, too. */
  cut(): void
}

function network(): Network {
  let open = new AbortController()
  const asked = { snapshots: 0, streams: 0, keys: 0 }
  const self: Network = {
    asked,
    isCut: false,
    isCrowded: false,
    cut() {
      self.isCut = true
      open.abort()
      open = new AbortController()
    },
    async fetch(input, init = {}) {
      if (self.isCut) throw new TypeError('fetch failed')
      const isStream = new Headers(init.headers).get('accept') === 'text/event-stream'
      const kind = new Request(input).url.endsWith('jwks.json')
        ? 'keys'
        : isStream
          ? 'streams'
          : 'snapshots'
      asked[kind] += 1
      if (isStream && self.isCrowded) return new Response(null, { status: 429 })
      const signals = [open.signal, init.signal].filter((signal) => signal instanceof AbortSignal)
      return fetch(input, { ...init, signal: AbortSignal.any(signals) })
    },
  }
  return self
}

describe('a suspended session', () => {
  test('is refused until it is resumed, and believed again by who followed it', async () => {
    await using verifier = at.verifier()
    const token = await at.mandate(null)
    const body = { lifecycle: 'task', ttl_seconds: 600 }
    const { id } = (await at.world.call('POST', 'sessions', body, { token })).body as { id: string }
    const mandate = await at.forge({ claims: { agent_session_id: id } })
    expect(await fate(verifier, mandate)).toBe('ok')
    for (const [verb, wanted] of [
      ['suspend', 'revoked'],
      ['resume', 'ok'],
    ] as const) {
      expect((await at.world.call('POST', `sessions/${id}/${verb}`)).status).toBe(200)
      await until(verifier, mandate, wanted)
    }
  })
})

describe('revocation', () => {
  test('at one replica is refused by a verifier that follows another', async () => {
    await using verifier = at.verifier()
    const [revoked, other] = [await at.mandate(), await at.mandate()]
    expect([await fate(verifier, revoked), await fate(verifier, other)]).toEqual(['ok', 'ok'])
    await at.revoke(revoked)
    await until(verifier, revoked, 'revoked')
    expect(await fate(verifier, other)).toBe('ok')
  })

  test('before the verifier began is in its snapshot', async () => {
    const token = await at.mandate()
    await at.revoke(token)
    await using verifier = at.verifier({ serviceUrl: at.world.url })
    expect(await fate(verifier, token)).toBe('revoked')
  })

  test('of a session, an agent, an edge or a subject ends the mandates that name it', async () => {
    await using verifier = at.verifier()
    const marks = {
      edge: 'edge_mid',
      agent_session: 'ses_parent',
      subject: 'ada',
      session: 'ses_x',
    }
    const token = (claims: object): Promise<string> => at.forge({ claims: { ...claims } })
    const mandates = {
      edge: await token({ delegation_path: ['edge_top', 'edge_mid', 'edge_leaf'] }),
      agent_session: await token({
        delegation_chain: ['ses_parent'],
        agent_session_id: 'ses_leaf',
      }),
      subject: await token({ sub: 'ada', sub_type: 'user' }),
      session: await token({ sid: 'ses_x' }),
    }
    for (const one of Object.values(mandates)) expect(await fate(verifier, one)).toBe('ok')
    const [zone] = at.issuer.split('/').slice(-1)
    for (const [anchor, value] of Object.entries(marks)) {
      await at.world.sql(
        `with moved as (update trust_sequences set sequence = sequence + 1 where zone_id = $1
           returning sequence)
         insert into revocations
         select $1, $2, $3, now(), now() + interval '15 minutes', sequence from moved`,
        [zone, anchor, value],
      )
      await until(verifier, mandates[anchor as keyof typeof mandates], 'revoked')
    }
  })

  test('of an application that is archived ends its mandates', async () => {
    await using verifier = at.verifier()
    const { id } = await at.world.admin.applications.create('default', { name: 'short-lived' })
    const token = await at.forge({ claims: { client_id: id, sub: id } })
    expect(await fate(verifier, token)).toBe('ok')
    await at.world.admin.applications.delete('default', { application_id: id })
    await until(verifier, token, 'revoked')
  })

  test('while the stream is broken is told when it is taken up again, behind the last number', async () => {
    const net = network()
    await using verifier = at.verifier({ fetch: net.fetch })
    const tokens = await Promise.all(Array.from({ length: 3 }, () => at.mandate()))
    for (const token of tokens) expect(await fate(verifier, token)).toBe('ok')
    net.cut()
    for (const token of tokens) await at.revoke(token)
    net.isCut = false
    for (const token of tokens) await until(verifier, token, 'revoked')
    expect(net.asked.snapshots).toBe(1)
    expect(net.asked.streams).toBeGreaterThan(1)
  })

  test('is told by snapshots where there is no room for a stream', async () => {
    const net = network()
    net.isCrowded = true
    await using verifier = at.verifier({ fetch: net.fetch })
    const token = await at.mandate()
    expect(await fate(verifier, token)).toBe('ok')
    await at.revoke(token)
    await until(verifier, token, 'revoked')
    expect(net.asked.snapshots).toBeGreaterThan(1)
  })
})

describe('a feed that is silent', () => {
  test('for longer than the bound refuses every mandate, until it is heard again', async () => {
    const net = network()
    await using verifier = at.verifier({ fetch: net.fetch, feedStaleAfterMs: 3_000 })
    const token = await at.mandate()
    expect(await fate(verifier, token)).toBe('ok')
    net.cut()
    await until(verifier, token, 'revocation_feed_stale')
    net.isCut = false
    await until(verifier, token, 'ok')
  })

  test('from the beginning lets nothing through', async () => {
    const net = network()
    await using verifier = at.verifier({ fetch: net.fetch })
    const token = await at.mandate()
    net.cut()
    expect(await fate(verifier, token)).toMatch(/^(?:keys_unavailable|revocation_feed_stale)$/)
    net.isCut = false
    await until(verifier, token, 'ok')
  })

  test('is answered so that the same mandate is sent again', async () => {
    const net = network()
    net.isCut = true
    await using verifier = at.verifier({ fetch: net.fetch })
    const authorization = `Bearer ${await at.mandate()}`
    const facts = { method: 'GET', path: '/', authorization, dpop: null }
    await expect(verifier.verify(facts)).rejects.toMatchObject({
      code: 'keys_unavailable',
      status: 503,
      wwwAuthenticate: null,
      headers: { 'retry-after': '1' },
    })
  })

  test('is what a verifier has that was closed', async () => {
    const verifier = at.verifier()
    const token = await at.mandate()
    expect(await fate(verifier, token)).toBe('ok')
    await verifier[Symbol.asyncDispose]()
    expect(await fate(verifier, token)).toBe('revocation_feed_stale')
  })
})

describe('keys', () => {
  test('that are new are read when they are met', async () => {
    await using verifier = at.verifier()
    const old = await at.mandate()
    expect(await fate(verifier, old)).toBe('ok')
    await at.world.admin.zones.rotateKeys('default')
    await until(verifier, await at.mandate(), 'ok')
    expect(await fate(verifier, old)).toBe('ok')
  })

  test('that somebody makes up cost one reading together', async () => {
    const net = network()
    await using verifier = at.verifier({ fetch: net.fetch })
    expect(await fate(verifier, await at.mandate())).toBe('ok')
    const before = net.asked.keys
    const made = await at.forge({ header: { kid: 'x'.repeat(43) } })
    const others = Array.from({ length: 100 }, () => {
      const kid = randomBytes(32).toString('base64url')
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid }))
      return [header.toString('base64url'), ...made.split('.').slice(1)].join('.')
    })
    const fates = await Promise.all(others.map((token) => fate(verifier, token)))
    expect(new Set(fates)).toEqual(new Set(['unknown_key']))
    expect(net.asked.keys).toBe(before + 1)
  })
})

test.each(['http://caracal.example/zones/zone_a', 'http://10.0.0.1/zones/zone_a'])(
  'an issuer that anybody on the way could speak for is none: %s',
  (issuer) => {
    expect(() => createMandateVerifier({ issuer, audience: 'resource://a' })).toThrow(TypeError)
  },
)
