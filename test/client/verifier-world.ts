import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import * as forExpress from '../../src/client/verifier/express.ts'
import * as forFastify from '../../src/client/verifier/fastify.ts'
import * as forFetch from '../../src/client/verifier/fetch.ts'
import * as forMcp from '../../src/client/verifier/mcp.ts'
import {
  createMandateVerifier,
  type MandateVerifier,
  type MandateVerifierOptions,
} from '../../src/client/verifier/mandate-verifier.ts'
import { newId } from '../../src/kernel/ids.ts'
import { openPrivateKey } from '../../src/kernel/signing-key.ts'
import { openVault } from '../../src/kernel/vault.ts'
import { zoneKeyPurpose } from '../../src/store/zone-keys.ts'
import { startWorld, type World } from '../world.ts'

/** A zone with an application that may read one resource, served by two replicas. */
export interface VerifierWorld extends AsyncDisposable {
  readonly world: World
  readonly replica: World
  readonly issuer: string
  readonly audience: string
  readonly application: string
  /** A mandate from the token endpoint; one for no resource is a session. */
  readonly mandate: (resource?: string | null) => Promise<string>
  revoke(token: string): Promise<void>
  /** A token that differs from a real one as it says. */
  forge(forged: Forge): Promise<string>
  /** A verifier that follows the second replica. */
  verifier(options?: Partial<MandateVerifierOptions>): MandateVerifier
}

export interface Forge {
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  /** Signs the input; absent: the zone's own key. */
  readonly sign?: (input: string) => Buffer
}

export async function startVerifierWorld(): Promise<VerifierWorld> {
  await using begun = new AsyncDisposableStack()
  const world = begun.use(await startWorld())
  const replica = begun.use(await startWorld({ sharing: world, config: { publicUrl: world.url } }))
  const { admin } = world
  const scopes = ['records:read', 'records:write']
  const audience = 'https://records.example'
  const resource = await admin.resources.create('default', {
    name: 'Records',
    identifier: audience,
    scopes,
  })
  const { id, client_secret: secret } = await admin.applications.create('default', {
    name: 'agent',
  })
  await admin.grants.create('default', {
    application_id: id,
    resource_id: resource.id,
    scopes: ['records:read'],
  })
  const { issuer } = await admin.zones.overview('default')
  const own = { client_id: id, client_secret: secret ?? '' }
  const mandate: VerifierWorld['mandate'] = async (named = audience) => {
    const { body } = await world.oauth('token', {
      ...own,
      grant_type: 'client_credentials',
      ...(named !== null && { resource: named }),
    })
    return (body as { access_token: string }).access_token
  }
  const stack = begun.move()
  return {
    ...{ world, replica, issuer, audience, mandate },
    application: id,
    async revoke(token) {
      await world.oauth('revoke', { ...own, token })
    },
    forge: async (forged) => forge(world, issuer, await mandate(), forged),
    verifier: (options = {}) =>
      createMandateVerifier({
        ...{ issuer, audience, now: () => world.now() },
        serviceUrl: replica.url,
        ...options,
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The key that a zone signs with, as only its service knows it. */
export async function signingKeyOf(
  world: World,
  zone: string,
): Promise<{ key: KeyObject; kid: string }> {
  const [row] = await world.sql<{ sealed_private: Buffer; public_jwk: { kid: string } }>(
    `select * from zone_keys where zone_id = $1 and state = 'active'`,
    [zone],
  )
  const der = openVault(world.masterKey).open(row!.sealed_private, zoneKeyPurpose(zone as never))
  return { key: openPrivateKey(der), kid: row!.public_jwk.kid }
}

async function forge(
  world: World,
  issuer: string,
  real: string,
  { header, claims, sign: signWith }: Forge,
): Promise<string> {
  const { key, kid } = await signingKeyOf(world, issuer.split('/').at(-1)!)
  const [, payload = ''] = real.split('.')
  const issued = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const all = { ...issued, jti: newId('mandate', world.now()), ...claims }
  return compact({ alg: 'ES256', typ: 'at+jwt', kid, ...header }, all, signWith ?? es256(key))
}

export function compact(
  header: object,
  claims: object,
  signWith: (input: string) => Buffer,
): string {
  const [first, second] = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const input = `${first}.${second}`
  return `${input}.${signWith(input).toString('base64url')}`
}

export function es256(key: KeyObject): (input: string) => Buffer {
  return (input) => sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
}

/** A key of nobody's zone. */
export function freshKey(): { readonly key: KeyObject; readonly jwk: object } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { key: privateKey, jwk: publicKey.export({ format: 'jwk' }) }
}

/** A resource server with `/read` and `/write`, each for its scope. */
export interface ResourceServer extends AsyncDisposable {
  ask(path: '/read' | '/write', headers: Record<string, string>): Promise<Response>
}

const routes = { '/read': 'records:read', '/write': 'records:write' } as const

/** The same server in every framework that there is an adapter for. */
export const adapters: Readonly<Record<string, (v: MandateVerifier) => Promise<ResourceServer>>> = {
  async express(verifier) {
    const app = express()
    for (const [path, scope] of Object.entries(routes))
      app.get(
        path,
        forExpress.requireMandate(verifier, { scopes: [scope] }),
        (request, response) => {
          response.json({ client: forExpress.mandateOf(request).clientId })
        },
      )
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return overHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
  },

  async fastify(verifier) {
    const app = Fastify()
    for (const [path, scope] of Object.entries(routes))
      app.get(
        path,
        { onRequest: forFastify.requireMandate(verifier, { scopes: [scope] }) },
        (request) => ({ client: forFastify.mandateOf(request).clientId }),
      )
    return overHttp(await app.listen({ port: 0, host: '127.0.0.1' }), () => app.close())
  },

  async hono(verifier) {
    const app = new Hono()
    for (const [path, scope] of Object.entries(routes)) {
      const handler = forFetch.requireMandate(verifier, { scopes: [scope] }, (request) =>
        Response.json({ client: forFetch.mandateOf(request).clientId }),
      )
      app.get(path, (c) => handler(c.req.raw))
    }
    return inProcess(async (request) => app.fetch(request))
  },

  async mcp(verifier) {
    const handler = createMcpHandler((exchange) => {
      const server = new McpServer({ name: 'records', version: '1' })
      server.registerTool('whoami', {}, () => ({
        content: [{ type: 'text', text: forMcp.mandateOf(exchange.authInfo).clientId }],
      }))
      return server
    })
    const gates = Object.fromEntries(
      Object.entries(routes).map(([path, scope]) => [
        path,
        forMcp.requireMandate(verifier, { scopes: [scope] }),
      ]),
    )
    return inProcess(async (asked) => {
      const authInfo = await gates[new URL(asked.url).pathname]!(asked)
      if (authInfo instanceof Response) return authInfo
      const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }
      const answer = await handler.fetch(
        new Request(asked.url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
          },
          body: JSON.stringify(call),
        }),
        { authInfo },
      )
      const text = /"text":"(app_[a-z0-9]+)"/.exec(await answer.text())?.[1]
      return Response.json({ client: text })
    })
  },
}

function overHttp(url: string, close: () => Promise<unknown>): ResourceServer {
  return {
    ask: (path, headers) => fetch(url + path, { headers }),
    async [Symbol.asyncDispose]() {
      await close()
    },
  }
}

function inProcess(answer: (request: Request) => Promise<Response>): ResourceServer {
  return {
    ask: (path, headers) => answer(new Request(`http://records.test${path}`, { headers })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
