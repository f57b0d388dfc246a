import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/** A person who signs in to an application that leaves all of OAuth to a library of others. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the service listens on loopback
const insecure = { [oauth.allowInsecureRequests]: true }
const redirectUri = 'https://app.example.com/callback'

let world: World
let make: ZoneMaker
let server: oauth.AuthorizationServer
let ledger: Party
let native: oauth.Client
let person: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  const made = await make.call('applications.create', {
    name: 'ledger',
    redirect_uris: [redirectUri],
  })
  ledger = {
    client: { client_id: made.id },
    auth: oauth.ClientSecretBasic(made.client_secret ?? ''),
  }
  const bare = await make.call('applications.create', {
    ...{ name: 'native', auth_method: 'none', redirect_uris: [redirectUri] },
  })
  native = { client_id: bare.id }
  person = await world.person('alice', ['read'])
  const issuer = new URL(`${world.url}/zones/${make.zone}`)
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  server = await oauth.processDiscoveryResponse(issuer, found)
})
afterAll(() => world[Symbol.asyncDispose]())

/** A client with its credentials, and the key that it proves where it has one. */
interface Party {
  readonly client: oauth.Client
  readonly auth: oauth.ClientAuth
  readonly dpop?: oauth.DPoPHandle
}

/** A client without credentials, with a key of its own. */
async function bound(): Promise<Party> {
  const dpop = oauth.DPoP(native, await oauth.generateKeyPair('ES256'))
  return { client: native, auth: oauth.None(), dpop }
}

function optionsOf({ dpop }: Party) {
  return { ...insecure, ...(dpop !== undefined && { DPoP: dpop }) }
}

interface SignIn {
  readonly callback: URLSearchParams
  readonly verifier: string
}

/** RFC 6749 section 4.1 with PKCE and RFC 9207, as far as the way back. */
async function signIn({ client } = ledger): Promise<SignIn> {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(server.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    ...{ response_type: 'code', client_id: client.client_id, redirect_uri: redirectUri, state },
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  const browser = openBrowser()
  const page = await browser.get(url.href)
  const endpoint = `${url.origin}${url.pathname}`
  const back = await browser.submit(page, endpoint, 'admin token', { admin_token: person })
  if (back.location === null) throw new Error(`nobody was sent back: ${back.html}`)
  return { callback: oauth.validateAuthResponse(server, client, back.location, state), verifier }
}

async function redeem(
  { callback, verifier }: SignIn,
  party = ledger,
): Promise<oauth.TokenEndpointResponse> {
  const { client, auth } = party
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    auth,
    callback,
    redirectUri,
    verifier,
    optionsOf(party),
  )
  return oauth.processAuthorizationCodeResponse(server, client, answer)
}

async function refresh(token: string, party = ledger): Promise<oauth.TokenEndpointResponse> {
  const { client, auth } = party
  const options = optionsOf(party)
  const answer = await oauth.refreshTokenGrantRequest(server, client, auth, token, options)
  return oauth.processRefreshTokenResponse(server, client, answer)
}

describe('a person signs in', () => {
  test('and the session goes on by refresh tokens that are used once', async () => {
    const tokens = await redeem(await signIn())
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900 })
    const again = await refresh(tokens.refresh_token ?? '')
    expect(again.refresh_token).not.toBe(tokens.refresh_token)
    await expect(refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    })
    // Whoever used it first is out too: nobody can say which of the two was meant to have it.
    await expect(refresh(again.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('and a code is worth one session', async () => {
    const back = await signIn()
    await redeem(back)
    await expect(redeem(back)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 })
  })
})

describe('a client without credentials, bound to its key (RFC 9449 section 5)', () => {
  test('goes on with that key alone', async () => {
    const party = await bound()
    const tokens = await redeem(await signIn(party), party)
    expect(tokens.token_type).toBe('dpop')
    const next = await refresh(tokens.refresh_token ?? '', party)
    expect(next.token_type).toBe('dpop')
    const token = next.refresh_token ?? ''
    await expect(refresh(token, await bound())).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refresh(token, { client: native, auth: oauth.None() })).rejects.toMatchObject({
      error: 'invalid_dpop_proof',
    })
    expect((await refresh(token, party)).token_type).toBe('dpop')
  })
})

describe('revoking a refresh token (RFC 7009)', () => {
  test.each([
    ['of a client with a secret', () => Promise.resolve(ledger)],
    ['of a client without credentials', bound],
  ])('%s signs the person out', async (_whose, partyOf) => {
    const party = await partyOf()
    const { refresh_token: token = '' } = await redeem(await signIn(party), party)
    const { client, auth } = party
    const hint = { additionalParameters: { token_type_hint: 'refresh_token' } }
    const options = { ...insecure, ...hint }
    const answer = await oauth.revocationRequest(server, client, auth, token, options)
    await oauth.processRevocationResponse(answer)
    await expect(refresh(token, party)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})
