import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { proofKey, type ProofKey } from './dpop-proofs.ts'
import { post, type Answer } from './sts-world.ts'
import {
  application,
  claimsOf,
  codeOf,
  endpoint,
  publicClient,
  resource,
  redirectUri,
  startSignIn,
  stopSignIn,
  throughProvider,
  verifier,
  world,
} from './sign-in-world.ts'

/**
 * Guarantee (RFC 9449 section 5): a refresh token that a client which cannot prove who it is has got
 * with a DPoP proof is worth nothing without another proof of the same key.
 */
const key = await proofKey()
const stranger = await proofKey()

beforeAll(startSignIn)
afterAll(stopSignIn)

type Form = Record<string, string>

async function token(form: Form, by: ProofKey | null): Promise<Answer> {
  const url = endpoint('token')
  const claims = { htu: url, iat: Math.floor(world.now() / 1_000) }
  return post(url, form, by === null ? {} : { dpop: await by.prove(claims) })
}

function asPublic(): Form {
  return { client_id: publicClient.id }
}

function asApplication(): Form {
  return { client_id: application.id, client_secret: application.client_secret ?? '' }
}

async function signIn(client: Form, by: ProofKey | null): Promise<Answer> {
  const redirect_uri =
    client.client_id === publicClient.id ? 'http://127.0.0.1:53123/callback' : redirectUri
  const { client_id } = client
  const back = await throughProvider({ client_id: client_id ?? '', redirect_uri, resource })
  const grant = { grant_type: 'authorization_code', code: codeOf(back), redirect_uri }
  return token({ ...grant, ...client, code_verifier: verifier }, by)
}

function refresh(client: Form, { body }: Answer, by: ProofKey | null): Promise<Answer> {
  const refreshToken = String(body['refresh_token'])
  return token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...client }, by)
}

describe('a token of a client that cannot prove who it is', () => {
  test('goes on with the key, and so does each that takes its place', async () => {
    const answers = [await signIn(asPublic(), key)]
    for (let turn = 0; turn < 3; turn += 1)
      answers.push(await refresh(asPublic(), answers.at(-1)!, key))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
      expect(claimsOf(answer).cnf).toEqual({ jkt: key.jkt })
    }
  })

  test.each<[string, ProofKey | null, string, string]>([
    ['without a proof', null, 'invalid_dpop_proof', 'dpop_proof_missing'],
    ['with the proof of another key', stranger, 'invalid_grant', 'dpop_key_mismatch'],
  ])('%s is refused, not used up, and nothing is written', async (_how, by, error, reason) => {
    const first = await signIn(asPublic(), key)
    const second = await refresh(asPublic(), first, key)
    for (const from of [second, second]) {
      const [mark, tokens] = [await world.eventCount(), await tokensOf(first)]
      const refused = await refresh(asPublic(), from, by)
      expect(refused).toMatchObject({ status: 400, body: { error, reason } })
      expect(refused.body).not.toHaveProperty('access_token')
      expect(await world.events(mark)).toMatchObject([
        { type: 'token.refresh_token', outcome: 'deny', reason },
      ])
      expect(await tokensOf(first)).toEqual(tokens)
    }
    expect((await refresh(asPublic(), second, key)).status).toBe(200)
  })

  test('with a proof that is none is refused as such', async () => {
    const first = await signIn(asPublic(), key)
    const form = { grant_type: 'refresh_token', refresh_token: String(first.body['refresh_token']) }
    const { status, body } = await post(
      endpoint('token'),
      { ...form, ...asPublic() },
      { dpop: 'a.b.c' },
    )
    expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'invalid_dpop_proof' })
    expect((await refresh(asPublic(), first, key)).status).toBe(200)
  })

  test('that is used twice ends the session, with the key as without', async () => {
    const first = await signIn(asPublic(), key)
    const second = await refresh(asPublic(), first, key)
    expect((await refresh(asPublic(), first, key)).body['reason']).toBe('refresh_token_reused')
    expect((await refresh(asPublic(), second, key)).body['reason']).toBe('session_terminated')
  })

  test('that was got without a proof is bound by the first one', async () => {
    const first = await signIn(asPublic(), null)
    const second = await refresh(asPublic(), first, null)
    const third = await refresh(asPublic(), second, key)
    expect(claimsOf(third).cnf).toEqual({ jkt: key.jkt })
    expect((await refresh(asPublic(), third, null)).body['reason']).toBe('dpop_proof_missing')
    expect((await refresh(asPublic(), third, key)).status).toBe(200)
  })
})

test('a token of an application with a secret is bound to the application, not to a key', async () => {
  const first = await signIn(asApplication(), key)
  expect(claimsOf(first).cnf).toEqual({ jkt: key.jkt })
  const second = await refresh(asApplication(), first, stranger)
  expect(claimsOf(second).cnf).toEqual({ jkt: stranger.jkt })
  const third = await refresh(asApplication(), second, null)
  expect(third.body).toMatchObject({ token_type: 'Bearer' })
})

/** Every refresh token of a sign-in, as it is stored. */
function tokensOf(answer: Answer): Promise<object[]> {
  return world.sql('select * from refresh_tokens where session_id = $1 order by token_hash', [
    claimsOf(answer).sid,
  ])
}
