import { z } from 'zod'
import { grantTypes, tokenTypes } from '../src/sts/grant-types.ts'
import { figure, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import { underLoad } from './load.ts'
import type { Settings } from './settings.ts'
import { seedClients, zone, type Client } from './seed.ts'

/** Applications that ask in turn, so that no answer rests upon one row alone. */
const clientCount = 20

/** Mandates a second at the token endpoint, each with its event durable before the answer. */
export async function measureExchange(settings: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(settings.profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, clientCount)
  const { connections, seconds } = settings
  const direct = clients.map((client) => ({ zone, form: directForm(client) }))
  const sessions = await Promise.all(clients.map((client) => sessionOf(service.url, client)))
  const exchanged = clients.map((client, i) => ({
    zone,
    form: exchangeForm(client, sessions[i] ?? ''),
  }))
  const load = { service, connections, bound: { seconds } }
  return [
    figure('exchange.client_credentials', await underLoad({ ...load, requests: direct })),
    figure('exchange.token_exchange', await underLoad({ ...load, requests: exchanged })),
  ]
}

/** RFC 6749 section 4.4 with `resource` (RFC 8707): one call to a mandate. */
export function directForm({ id, secret, resource, scope }: Client): URLSearchParams {
  return new URLSearchParams({
    grant_type: grantTypes.clientCredentials,
    client_id: id,
    client_secret: secret,
    ...{ resource, scope },
  })
}

/** RFC 8693: a session mandate becomes one for the resource. */
function exchangeForm(client: Client, session: string): URLSearchParams {
  const form = directForm(client)
  form.set('grant_type', grantTypes.tokenExchange)
  form.set('subject_token', session)
  form.set('subject_token_type', tokenTypes.accessToken)
  return form
}

async function sessionOf(base: string, client: Client): Promise<string> {
  const form = directForm(client)
  form.delete('resource')
  form.delete('scope')
  const url = `${base}/zones/${zone}/oauth2/token`
  const answer = await fetch(url, { method: 'POST', body: form })
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
}
