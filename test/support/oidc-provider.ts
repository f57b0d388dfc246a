import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type GenerateKeyPairResult,
  type JWK,
  type JWTPayload,
} from 'jose'
import type { Network } from '../../src/kernel/safe-fetch.ts'
import { makeCertificate } from './certificate.ts'

/** An OpenID provider of its own, over TLS on loopback, under a name of the public Internet. */
export interface OidcProvider extends AsyncDisposable {
  readonly issuer: string
  /** Lets a service reach it: for the tests' worlds alone. */
  readonly network: Network
  /** How often its documents were fetched. */
  readonly fetched: { discovery: number; jwks: number }
  /** What it answers with in the place of its key set. */
  jwksAnswer: { status: number; type: string; body: string } | null
  /** Its key from now on is another; the old one is published no longer. */
  rotate(): Promise<void>
  /** An id_token of a user, changed as a test wants it. */
  idToken(claims?: JWTPayload, changed?: Signing): Promise<string>
  /** Who signs in at its authorization endpoint. */
  user: { sub: string; name: string }
  /** It as it is, for a browser that the test plays and that knows no names. */
  readonly app: FastifyInstance
  /** The authorization request that it got last. */
  asked: Readonly<Record<string, string>>
}

export interface Signing {
  readonly header?: Readonly<Record<string, unknown>>
  /** Claims to leave out. */
  readonly without?: readonly string[]
  readonly key?: GenerateKeyPairResult['privateKey']
}

export const clientOfZone = { id: 'caracal-at-idp', secret: 'a secret at the provider' }

/** RFC 6749 section 2.3.1. */
function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

interface Key {
  readonly kid: string
  readonly privateKey: GenerateKeyPairResult['privateKey']
  readonly jwk: JWK
}

async function newKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    kid,
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' },
  }
}

/** Starts a provider whose time is that of the test's world. */
export async function startOidcProvider(
  nowMs: () => number,
  host = 'login.example.com',
): Promise<OidcProvider> {
  const certificate = makeCertificate(host)
  const app: FastifyInstance = Fastify({ https: certificate })
  let keys = 1
  let key = await newKey('key-1')
  const provider: Omit<OidcProvider, 'app' | 'issuer' | 'network' | typeof Symbol.asyncDispose> = {
    fetched: { discovery: 0, jwks: 0 },
    jwksAnswer: null,
    user: { sub: 'alice', name: 'Alice' },
    asked: {},
    async rotate() {
      keys += 1
      key = await newKey(`key-${keys}`)
    },
    async idToken(claims = {}, { header, without = [], key: own } = {}) {
      const now = Math.floor(nowMs() / 1_000)
      const all: JWTPayload = {
        iss: issuer,
        aud: clientOfZone.id,
        ...provider.user,
        iat: now,
        exp: now + 600,
        ...claims,
      }
      const kept = Object.fromEntries(
        Object.entries(all).filter(([name]) => !without.includes(name)),
      )
      return new SignJWT(kept)
        .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...header })
        .sign(own ?? key.privateKey)
    },
  }
  app.get('/.well-known/openid-configuration', async () => {
    provider.fetched.discovery += 1
    return discoveryOf(issuer)
  })
  app.get('/jwks', async (_request, reply) => {
    provider.fetched.jwks += 1
    const { jwksAnswer } = provider
    if (jwksAnswer === null) return { keys: [key.jwk] }
    return reply.code(jwksAnswer.status).type(jwksAnswer.type).send(jwksAnswer.body)
  })
  serveSignIn(app, provider)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const issuer = `https://${host}:${port}`
  const network: Network = {
    resolve: (name) =>
      name === host ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('unknown host')),
    isAllowed: (address) => address === '127.0.0.1',
    authorities: [certificate.cert],
  }
  return Object.assign(provider, {
    app,
    issuer,
    network,
    [Symbol.asyncDispose]: async () => {
      await app.close()
    },
  })
}

function discoveryOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  }
}

/** The endpoints of signing in, which ask nobody anything. */
function serveSignIn(
  app: FastifyInstance,
  provider: Pick<OidcProvider, 'asked' | 'idToken'>,
): void {
  const codes = new Map<string, Record<string, string>>()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body.toString())))
    },
  )
  app.get<{ Querystring: Record<string, string> }>('/authorize', async ({ query }, reply) => {
    provider.asked = query
    const code = `code-${codes.size}`
    codes.set(code, query)
    const back = new URL(query.redirect_uri ?? '')
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.state ?? '')
    return reply.redirect(back.href, 302)
  })
  app.post<{ Body: Record<string, string> }>('/token', async ({ body, headers }, reply) => {
    const asked = codes.get(body.code ?? '')
    codes.delete(body.code ?? '')
    const basic = Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64')
    const [id, secret] = basic.toString().split(':').map(formDecoded)
    const isClient = id === clientOfZone.id && secret === clientOfZone.secret
    if (asked === undefined || !isClient)
      return reply
        .code(400)
        .send({ error: asked === undefined ? 'invalid_grant' : 'invalid_client' })
    return {
      access_token: 'an access token of the provider',
      token_type: 'Bearer',
      id_token: await provider.idToken({ nonce: asked.nonce }),
    }
  })
}
