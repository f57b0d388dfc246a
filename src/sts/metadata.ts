import type { ZoneId } from '../kernel/ids.ts'
import type { Zone } from '../store/zones.ts'
import { assertionAlgorithms } from './client-assertion.ts'
import { proofAlgorithms } from './dpop-proof.ts'
import { grantTypes } from './grant-types.ts'
import { authorizationEndpointOf, issuerOf, revocationFeedOf, tokenEndpointOf } from './issuer.ts'

const clientAuthentication = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

/** The authorization server metadata of a zone (RFC 8414 section 2). */
export function metadataOf(
  base: string,
  zone: ZoneId,
  { dcr_enabled: registers }: Pick<Zone, 'dcr_enabled'>,
): Readonly<Record<string, unknown>> {
  const issuer = issuerOf(base, zone)
  const endpoints = {
    token_endpoint: tokenEndpointOf(base, zone),
    introspection_endpoint: `${issuer}/oauth2/introspect`,
    revocation_endpoint: `${issuer}/oauth2/revoke`,
  }
  const authentication = Object.keys(endpoints).flatMap((endpoint) => [
    [`${endpoint}_auth_methods_supported`, clientAuthentication],
    [`${endpoint}_auth_signing_alg_values_supported`, assertionAlgorithms],
  ])
  return {
    issuer,
    authorization_endpoint: authorizationEndpointOf(base, zone),
    ...endpoints,
    ...(registers && { registration_endpoint: `${issuer}/oauth2/register` }),
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    revocation_feed_uri: revocationFeedOf(issuer),
    grant_types_supported: Object.values(grantTypes),
    dpop_signing_alg_values_supported: proofAlgorithms,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    // RFC 7636 section 4.2: plain protects nothing, so S256 alone.
    code_challenge_methods_supported: ['S256'],
    // RFC 9207 section 3.
    authorization_response_iss_parameter_supported: true,
    ...(Object.fromEntries(authentication) as Record<string, readonly string[]>),
    token_endpoint_auth_methods_supported: [...clientAuthentication, 'none'],
    revocation_endpoint_auth_methods_supported: [...clientAuthentication, 'none'],
  }
}
