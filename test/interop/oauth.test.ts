import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * A client library that others maintain, as the real client of a zone's issuer: it checks every
 * answer against the RFCs before it hands it on.
 */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the service listens on loopback
const insecure = { [oauth.allowInsecureRequests]: true }

let world: World
let make: ZoneMaker
let server: oauth.AuthorizationServer
let client: oauth.Client
let secret: string
let resource: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  const granted = await make.resource()
  const application = await make.application()
  await make.call('grants.create', {
    application_id: application.id,
    resource_id: granted.id,
    scopes: ['invoices:read'],
  })
  resource = granted.identifier
  client = { client_id: application.id }
  secret = application.client_secret ?? ''
  server = await discovered()
})
afterAll(() => world[Symbol.asyncDispose]())

/** RFC 8414, from nothing but the issuer. */
async function discovered(): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(`${world.url}/zones/${make.zone}`)
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  return oauth.processDiscoveryResponse(issuer, answer)
}

interface Asking {
  readonly as?: oauth.Client
  readonly auth?: oauth.ClientAuth
  readonly parameters?: Readonly<Record<string, string>>
  readonly dpop?: oauth.DPoPHandle
}

async function ownMandate(asking: Asking = {}): Promise<oauth.TokenEndpointResponse> {
  const { as = client, auth = oauth.ClientSecretBasic(secret), dpop } = asking
  const parameters = { resource, scope: 'invoices:read', ...asking.parameters }
  const options = { ...insecure, ...(dpop !== undefined && { DPoP: dpop }) }
  const answer = await oauth.clientCredentialsGrantRequest(server, as, auth, parameters, options)
  return oauth.processClientCredentialsResponse(server, as, answer)
}

/** What a resource server that goes by RFC 9068 alone makes of a mandate. */
function believed(token: string): Promise<oauth.JWTAccessTokenClaims> {
  const request = new Request('https://invoices.example/', {
    headers: { authorization: `Bearer ${token}` },
  })
  return oauth.validateJwtAccessToken(server, request, resource, insecure)
}

async function introspected(token: string): Promise<oauth.IntrospectionResponse> {
  const auth = oauth.ClientSecretBasic(secret)
  const answer = await oauth.introspectionRequest(server, client, auth, token, insecure)
  return oauth.processIntrospectionResponse(server, client, answer)
}

describe('client_credentials', () => {
  test.each([
    ['client_secret_basic', () => oauth.ClientSecretBasic(secret)],
    ['client_secret_post', () => oauth.ClientSecretPost(secret)],
  ])('with %s', async (_method, auth) => {
    const { access_token, scope, expires_in } = await ownMandate({ auth: auth() })
    expect(scope).toBe('invoices:read')
    expect(expires_in).toBe(900)
    expect(await believed(access_token)).toMatchObject({
      iss: server.issuer,
      client_id: client.client_id,
      scope: 'invoices:read',
    })
  })

  test('with private_key_jwt', async () => {
    const { application, auth } = await signingApplication()
    const { access_token } = await ownMandate({ as: application, auth })
    expect((await believed(access_token)).sub).toBe(application.client_id)
  })

  test('a refusal is one that the client understands', async () => {
    const refused = ownMandate({ parameters: { scope: 'invoices:write' } })
    await expect(refused).rejects.toMatchObject({
      error: 'access_denied',
      status: 403,
      cause: { reason: 'no_grant', missing: ['invoices:write'] },
    })
    const unknown = ownMandate({ auth: oauth.ClientSecretBasic('wrong') })
    await expect(unknown).rejects.toMatchObject({
      cause: [{ scheme: 'basic', parameters: { realm: 'caracal' } }],
    })
  })
})

/** An application that authenticates by a key of its own, with a grant. */
async function signingApplication(): Promise<{
  readonly application: oauth.Client
  readonly auth: oauth.ClientAuth
}> {
  const { privateKey, publicKey } = await oauth.generateKeyPair('ES256')
  const { kty = '', ...jwk } = await crypto.subtle.exportKey('jwk', publicKey)
  const { id } = await make.call('applications.create', {
    name: 'signing-agent',
    auth_method: 'private_key_jwt',
    jwks: { keys: [{ kty, ...jwk, kid: 'one' }] },
  })
  const { items } = await make.call('resources.list', {})
  await make.call('grants.create', {
    application_id: id,
    resource_id: items[0]?.id ?? '',
    scopes: ['invoices:read'],
  })
  return {
    application: { client_id: id },
    auth: oauth.PrivateKeyJwt({ key: privateKey, kid: 'one' }),
  }
}

describe('token exchange', () => {
  test('turns a session mandate into one for a resource', async () => {
    const auth = oauth.ClientSecretBasic(secret)
    const begun = await oauth.clientCredentialsGrantRequest(server, client, auth, {}, insecure)
    const session = await oauth.processClientCredentialsResponse(server, client, begun)
    const answer = await oauth.genericTokenEndpointRequest(
      server,
      client,
      auth,
      'urn:ietf:params:oauth:grant-type:token-exchange',
      {
        subject_token: session.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        ...{ resource, scope: 'invoices:read' },
      },
      insecure,
    )
    const exchanged = await oauth.processGenericTokenEndpointResponse(server, client, answer)
    expect(exchanged['issued_token_type']).toBe('urn:ietf:params:oauth:token-type:access_token')
    expect((await believed(exchanged.access_token))['sid']).toBe(
      (await introspected(session.access_token))['sid'],
    )
  })
})

describe('introspection and revocation', () => {
  test('say what a mandate is, and end it', async () => {
    const { access_token } = await ownMandate()
    expect(await introspected(access_token)).toMatchObject({ active: true, use: 'resource' })
    const auth = oauth.ClientSecretBasic(secret)
    const answer = await oauth.revocationRequest(server, client, auth, access_token, insecure)
    await oauth.processRevocationResponse(answer)
    expect(await introspected(access_token)).toEqual({ active: false })
  })
})
