import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { OutputOf, RequestOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { assertionAlgorithms } from '../sts/client-assertion.ts'
import { grantTypes } from '../sts/grant-types.ts'

/** A workload stands for itself: nobody signs in to it. */
const workloadGrants = [grantTypes.clientCredentials, grantTypes.tokenExchange] as const

const redirectUri = z.string().max(2_000).refine(isRedirectUri, 'must be an https URL')

/** RFC 9700 section 4.1: https, or a loopback address of a native application; no fragment. */
function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (text.includes('#') || username !== '' || password !== '') return false
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback)
}

/** The suffix that tells workloads of one name apart takes the rest of a name's length. */
const clientNameChars = limits.nameChars - 10

/**
 * Client metadata as a workload sends it (RFC 7591 section 2). What is not named here is not
 * understood and ignored (section 2), so that labels and scopes are never self-asserted; what is
 * named and cannot be served is refused.
 */
const clientMetadata = z.object({
  client_name: z.string().trim().min(1).max(clientNameChars).default('workload'),
  redirect_uris: z.array(redirectUri).max(8).optional(),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
    .default('client_secret_basic'),
  token_endpoint_auth_signing_alg: z.enum(assertionAlgorithms).optional(),
  grant_types: z.array(z.enum(workloadGrants)).max(8).optional(),
  response_types: z.array(z.string()).max(0, 'nobody signs in to a workload').optional(),
  jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }).optional(),
  jwks_uri: z.undefined('is not fetched: send jwks').optional(),
  dpop_bound_access_tokens: z.boolean().default(false),
})

export type ClientMetadata = z.output<typeof clientMetadata>

/** Reads client metadata; refuses `invalid_redirect_uri` or `invalid_client_metadata`. */
export function readMetadata(body: unknown): ClientMetadata {
  const parsed = clientMetadata.safeParse(body)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }))
  const code = issues.every(({ path }) => path.startsWith('redirect_uris'))
    ? 'invalid_redirect_uri'
    : 'invalid_client_metadata'
  return refuse(code, 'The client metadata cannot be registered; details.issues says why.', {
    details: { issues },
  })
}

/** The request to register such a client. Names are unique in a zone, and clients choose theirs. */
export function registrationOf(metadata: ClientMetadata): RequestOf<'applications.register'> {
  const { jwks } = metadata
  const isSigned = metadata.token_endpoint_auth_method === 'private_key_jwt'
  return {
    name: `${metadata.client_name} ${randomBytes(4).toString('hex')}`,
    auth_method: isSigned ? 'private_key_jwt' : 'client_secret',
    dpop_required: metadata.dpop_bound_access_tokens,
    ...(jwks !== undefined && { jwks }),
  }
}

/** RFC 7591 section 3.2.1: everything that was registered, with what the zone has made of it. */
export function clientInformation(
  metadata: ClientMetadata,
  application: OutputOf<'applications.register'>,
): Readonly<Record<string, unknown>> {
  const { client_secret, jwks, expires_at } = application
  const expiresAt = unixSeconds(expires_at ?? application.created_at)
  return {
    client_id: application.id,
    client_id_issued_at: unixSeconds(application.created_at),
    // Not of the RFC, which lets secrets alone expire: here the client does.
    client_id_expires_at: expiresAt,
    client_name: application.name,
    token_endpoint_auth_method: metadata.token_endpoint_auth_method,
    grant_types: metadata.grant_types ?? [...workloadGrants],
    response_types: [],
    dpop_bound_access_tokens: application.dpop_required,
    ...(jwks !== null && { jwks }),
    ...(client_secret !== null && { client_secret, client_secret_expires_at: expiresAt }),
  }
}

function unixSeconds(time: string): number {
  return Math.floor(Date.parse(time) / 1_000)
}
