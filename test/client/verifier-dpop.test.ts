import { hash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MandateRequest, MandateVerifier } from '../../src/client/verifier/mandate-verifier.ts'
import type { MandateRefusalCode } from '../../src/client/verifier/refusals-table.ts'
import {
  adapters,
  compact,
  es256,
  freshKey,
  startVerifierWorld,
  type VerifierWorld,
} from './verifier-world.ts'

let at: VerifierWorld
let verifier: MandateVerifier
let token: string

const holder = freshKey()
const thief = freshKey()

beforeAll(async () => {
  at = await startVerifierWorld()
  verifier = at.verifier()
  token = await at.forge({ claims: { cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } } })
})
afterAll(async () => {
  await verifier[Symbol.asyncDispose]()
  await at[Symbol.asyncDispose]()
})

interface Proof {
  readonly header?: object
  readonly claims?: object
  readonly key?: typeof holder
  readonly bend?: (proof: string) => string
}

function proof({ header, claims, key = holder, bend = (text) => text }: Proof = {}): string {
  const all = {
    jti: randomUUID(),
    htm: 'GET',
    htu: `${at.audience}/read`,
    iat: Math.floor(at.world.now() / 1_000),
    ath: hash('sha256', token, 'base64url'),
    ...claims,
  }
  return bend(
    compact({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk, ...header }, all, es256(key.key)),
  )
}

function asked(dpop: string | null, more: Partial<MandateRequest> = {}): MandateRequest {
  return { method: 'GET', path: '/read?page=2', authorization: `DPoP ${token}`, dpop, ...more }
}

function seconds(): number {
  return Math.floor(at.world.now() / 1_000)
}

const cases: readonly [string, MandateRefusalCode, () => MandateRequest][] = [
  [
    'under the wrong scheme',
    'dpop_required',
    () => asked(proof(), { authorization: `Bearer ${token}` }),
  ],
  ['without a proof', 'dpop_proof_missing', () => asked(null)],
  ['with two proofs', 'dpop_proof_malformed', () => asked(`${proof()}, ${proof()}`)],
  ['with nothing like a proof', 'dpop_proof_malformed', () => asked('x')],
  ['typ JWT', 'dpop_proof_malformed', () => asked(proof({ header: { typ: 'JWT' } }))],
  ['alg none', 'dpop_proof_malformed', () => asked(proof({ header: { alg: 'none' } }))],
  ['HS256', 'dpop_proof_malformed', () => asked(proof({ header: { alg: 'HS256' } }))],
  ['without a key', 'dpop_proof_malformed', () => asked(proof({ header: { jwk: undefined } }))],
  [
    'with a private key',
    'dpop_proof_malformed',
    () => asked(proof({ header: { jwk: { ...holder.jwk, d: 'x' } } })),
  ],
  ['a critical extension', 'dpop_proof_malformed', () => asked(proof({ header: { crit: ['x'] } }))],
  ['of another key', 'dpop_proof_wrong_key', () => asked(proof({ key: thief }))],
  [
    'of another key that names the right one',
    'dpop_proof_bad_signature',
    () => asked(proof({ key: thief, header: { jwk: holder.jwk } })),
  ],
  ['cut', 'dpop_proof_bad_signature', () => asked(proof({ bend: (text) => text.slice(0, -4) }))],
  ['without a jti', 'dpop_proof_malformed', () => asked(proof({ claims: { jti: undefined } }))],
  [
    'a jti without end',
    'dpop_proof_malformed',
    () => asked(proof({ claims: { jti: 'x'.repeat(300) } })),
  ],
  [
    'for another method',
    'dpop_proof_wrong_request',
    () => asked(proof({ claims: { htm: 'POST' } })),
  ],
  [
    'for another path',
    'dpop_proof_wrong_request',
    () => asked(proof({ claims: { htu: `${at.audience}/` } })),
  ],
  [
    'for another host',
    'dpop_proof_wrong_request',
    () => asked(proof({ claims: { htu: 'https://evil.example/read' } })),
  ],
  ['for no address', 'dpop_proof_wrong_request', () => asked(proof({ claims: { htu: 7 } }))],
  ['too old', 'dpop_proof_wrong_time', () => asked(proof({ claims: { iat: seconds() - 62 } }))],
  [
    'from the future',
    'dpop_proof_wrong_time',
    () => asked(proof({ claims: { iat: seconds() + 60 } })),
  ],
  ['for another mandate', 'dpop_proof_wrong_token', () => asked(proof({ claims: { ath: 'x' } }))],
  ['for no mandate', 'dpop_proof_wrong_token', () => asked(proof({ claims: { ath: undefined } }))],
]

describe('a bound mandate', () => {
  test.each(cases)('%s is refused as %s', async (_name, code, make) => {
    await expect(verifier.verify(make())).rejects.toMatchObject({
      code,
      status: 401,
      wwwAuthenticate: expect.stringMatching(/^DPoP .*algs="ES256 /),
    })
  })

  test('with a proof of its key is let through, once with each', async () => {
    const first = proof()
    await verifier.verify(asked(first))
    await expect(verifier.verify(asked(first))).rejects.toMatchObject({
      code: 'dpop_proof_replayed',
    })
    await verifier.verify(asked(proof()))
  })

  test('and a proof sent many times at once is let through once', async () => {
    const one = proof()
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, () => verifier.verify(asked(one))),
    )
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('at a server whose address is not known is refused', async () => {
    const audience = 'resource://records'
    await using unnamed = at.verifier({ audience })
    const bound = await at.forge({
      claims: { aud: [audience], cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } },
    })
    await expect(
      unnamed.verify(asked(proof(), { authorization: `DPoP ${bound}` })),
    ).rejects.toMatchObject({ code: 'dpop_proof_wrong_request' })
  })
})

describe('a mandate that is bound to no key', () => {
  test('does not come with a proof', async () => {
    const authorization = `DPoP ${await at.mandate()}`
    await expect(verifier.verify(asked(proof(), { authorization }))).rejects.toMatchObject({
      code: 'dpop_not_bound',
    })
  })

  test('is refused where proofs are required', async () => {
    await using strict = at.verifier({ dpop: { required: true } })
    const authorization = `Bearer ${await at.mandate()}`
    await expect(strict.verify(asked(null, { authorization }))).rejects.toMatchObject({
      code: 'dpop_required',
      wwwAuthenticate: expect.stringMatching(/^DPoP error="invalid_token"/),
    })
  })
})

test.each(Object.entries(adapters))('%s hands the proof on', async (_name, start) => {
  await using server = await start(verifier)
  const authorization = `DPoP ${token}`
  expect((await server.ask('/read', { authorization, dpop: proof() })).status).toBe(200)
  const answer = await server.ask('/read', { authorization })
  expect(await answer.json()).toMatchObject({ reason: 'dpop_proof_missing' })
})
