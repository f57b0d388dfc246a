import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { QueryResultRow } from 'pg'
import { expect } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import type { MandateClaims } from '../../src/sts/claims.ts'
import { openBrowser, type Browser, type Shown } from '../support/browser.ts'
import { clientOfZone, startOidcProvider, type OidcProvider } from '../support/oidc-provider.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

export const redirectUri = 'https://app.example.com/callback?tenant=1'
export const verifier = 'a verifier of more than forty-three characters, say'
const challenge = createHash('sha256').update(verifier).digest('base64url')

export let provider: OidcProvider
export let world: World
export let make: ZoneMaker
export let application: OutputOf<'applications.create'>
export let publicClient: OutputOf<'applications.create'>
export let issuer: OutputOf<'subject_issuers.create'>
export let resource: string
export let alice: string

/** Starts a service, a provider that it knows, and two applications to sign in to. */
export async function startSignIn(): Promise<void> {
  provider = await startOidcProvider(() => world.now())
  world = await startWorld({ network: provider.network })
  make = await newZone(world)
  application = await make.call('applications.create', {
    name: 'Ledger <script>alert(1)</script>',
    redirect_uris: [redirectUri],
  })
  publicClient = await make.call('applications.create', {
    ...{ name: 'native', auth_method: 'none' },
    redirect_uris: ['http://127.0.0.1/callback'],
  })
  issuer = await make.call('subject_issuers.create', {
    ...{ name: 'Acme & Co', issuer: provider.issuer, audience: clientOfZone.id, sign_in: true },
  })
  await make.call('subject_issuers.set_secret', {
    ...{ subject_issuer_id: issuer.id, secret: clientOfZone.secret },
  })
  resource = (await make.grant()).resource_id
  for (const { id } of [application, publicClient])
    await make.call('grants.create', {
      ...{ application_id: id, resource_id: resource, user_id: `${issuer.id}:alice` },
      scopes: ['invoices:read'],
    })
  alice = await world.person('alice', ['read'])
}

export async function stopSignIn(): Promise<void> {
  await world[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
}

export function endpoint(path = 'authorize'): string {
  return `${world.url}/zones/${make.zone}/oauth2/${path}`
}

export function request(changed: Record<string, string | null> = {}): string {
  const parameters: Record<string, string | null> = {
    ...{ response_type: 'code', client_id: application.id, redirect_uri: redirectUri },
    ...{ state: 'a & b', code_challenge: challenge, code_challenge_method: 'S256', ...changed },
  }
  const given = Object.entries(parameters).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[name, value]],
  )
  return `${endpoint()}?${new URLSearchParams(given).toString()}`
}

/** Signs in with an admin token; the answer sends the person back. */
export async function signedIn(
  changed: Record<string, string | null> = {},
  admin_token = alice,
): Promise<Shown> {
  const browser = openBrowser()
  const page = await browser.get(request(changed))
  return browser.submit(page, endpoint(), 'admin token', { admin_token })
}

/** Signs in as the provider's user. */
export async function throughProvider(
  changed: Record<string, string | null> = {},
  browser: Browser = openBrowser(),
): Promise<Shown> {
  const page = await browser.get(request(changed))
  const leaving = await browser.submit(page, endpoint(), 'Continue with')
  return browser.get(await atProvider(leaving))
}

/** The provider signs the person in, and sends them to where it was told. */
export async function atProvider({ location }: Shown): Promise<string> {
  expect(location?.href).toMatch(new RegExp(`^${provider.issuer}/authorize\\?`))
  const { app } = provider
  const answer = await app.inject(`/authorize${location?.search ?? ''}`)
  return answer.headers.location ?? ''
}

export function redeem(code: string, changed: Record<string, string> = {}): Promise<Answer> {
  return world.oauth(
    'token',
    {
      ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri },
      ...{ client_id: application.id, client_secret: application.client_secret ?? '' },
      ...{ code_verifier: verifier, ...changed },
    },
    make.zone,
  )
}

export function refresh(
  refreshToken: string,
  changed: Record<string, string> = {},
): Promise<Answer> {
  return world.oauth(
    'token',
    {
      ...{ grant_type: 'refresh_token', refresh_token: refreshToken },
      ...{ client_id: application.id, client_secret: application.client_secret ?? '', ...changed },
    },
    make.zone,
  )
}

export function codeOf({ location, html }: Shown): string {
  const code = location?.searchParams.get('code') ?? null
  if (code === null) throw new Error(`no code: ${location?.href ?? html}`)
  return code
}

export function claimsOf({ body }: Answer): MandateClaims {
  return decodeJwt<MandateClaims>(body.access_token)
}

interface LastEvent {
  readonly type: string
  readonly outcome: string
  readonly reason: string | null
}

export async function lastEvent(): Promise<LastEvent | undefined> {
  const [event] = await world.sql<LastEvent & QueryResultRow>(
    `select type, outcome, entry->>'reason' as reason from events where zone_id = $1
     order by position desc limit 1`,
    [make.zone],
  )
  return event
}
