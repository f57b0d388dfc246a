import { z } from 'zod'
import { createMandateVerifier, MandateError, type MandateVerifier } from '../src/client/index.ts'
import { directForm } from './exchange.ts'
import { figure, percentiles, type Figure } from './figure.ts'
import { createInstallation, startReplicas } from './installation.ts'
import { underLoad } from './load.ts'
import { inTurn, seedClients, zone, type Client } from './seed.ts'
import type { Settings } from './settings.ts'

const clientCount = 20
const verifications = 100_000
const revocations = 100

/** What it costs to ask whether a mandate holds, at the issuer and at a resource server. */
export async function measureVerification(settings: Settings): Promise<readonly Figure[]> {
  return [await introspection(settings), await fromCache(settings), await untilRefused()]
}

async function introspection({ profile, connections, seconds }: Settings): Promise<Figure> {
  await using installation = await createInstallation(profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, clientCount)
  const requests = await Promise.all(
    clients.map(async (client) => {
      const token = await mandateOf(service.url, client)
      const form = new URLSearchParams({
        client_id: client.id,
        client_secret: client.secret,
        token,
      })
      return { zone, endpoint: 'introspect' as const, form }
    }),
  )
  const load = { service, requests, connections, bound: { seconds } }
  return figure('verification.introspection', await underLoad(load))
}

/** As a resource server does, in one process: the mandates have been seen before. */
async function fromCache({ profile }: Settings): Promise<Figure> {
  await using installation = await createInstallation(profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, clientCount)
  const { id } = await service.admin.zones.get(zone)
  const [first] = clients
  const own = clients.filter(({ resource }) => resource === first?.resource)
  const tokens = await Promise.all(own.map((client) => mandateOf(service.url, client)))
  await using verifier = createMandateVerifier({
    issuer: `${service.url}/zones/${id}`,
    audience: first?.resource ?? '',
  })
  await verifier.ready
  const durationsMs = new Float64Array(verifications)
  const begunAtMs = performance.now()
  for (let nth = 0; nth < verifications; nth += 1) {
    const fromMs = performance.now()
    await verify(verifier, tokens[nth % tokens.length] ?? '')
    durationsMs[nth] = performance.now() - fromMs
  }
  return figure('verification.cache', {
    perSecond: (verifications * 1_000) / (performance.now() - begunAtMs),
    ...percentiles(durationsMs),
    note: `${verifications} verifications of ${tokens.length} mandates`,
  })
}

/** From the answer to a revocation at one replica to the refusal by who follows the other. */
async function untilRefused(): Promise<Figure> {
  await using replicas = await startReplicas()
  const { one, other, issuerBase } = replicas
  const [client] = await seedClients(one.admin, 1)
  if (client === undefined) throw new RangeError('there is no client')
  const { id } = await one.admin.zones.get(zone)
  await using verifier = createMandateVerifier({
    issuer: `${issuerBase}/zones/${id}`,
    audience: client.resource,
    serviceUrl: other.url,
  })
  await verifier.ready
  const durationsMs = await inTurn(revocations, async () => {
    const token = await mandateOf(one.url, client)
    await verify(verifier, token)
    const form = new URLSearchParams({ client_id: client.id, client_secret: client.secret, token })
    const answer = await fetch(`${one.url}/zones/${zone}/oauth2/revoke`, {
      method: 'POST',
      body: form,
    })
    if (!answer.ok) throw new Error(`the revocation was answered with ${answer.status}`)
    const fromMs = performance.now()
    while (await holds(verifier, token)) await new Promise((resolve) => setImmediate(resolve))
    return performance.now() - fromMs
  })
  return figure('verification.revoked', {
    ...percentiles(durationsMs),
    note: `${revocations} revocations`,
  })
}

async function holds(verifier: MandateVerifier, token: string): Promise<boolean> {
  try {
    await verify(verifier, token)
    return true
  } catch (error) {
    if (error instanceof MandateError && error.code === 'revoked') return false
    throw error
  }
}

async function verify(verifier: MandateVerifier, token: string): Promise<void> {
  const authorization = `Bearer ${token}`
  await verifier.verify({ method: 'GET', path: '/', authorization, dpop: undefined })
}

async function mandateOf(base: string, client: Client): Promise<string> {
  const url = `${base}/zones/${zone}/oauth2/token`
  const answer = await fetch(url, { method: 'POST', body: directForm(client) })
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
}
