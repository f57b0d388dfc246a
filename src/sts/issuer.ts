import type { ZoneId } from '../kernel/ids.ts'

/** The issuer of a zone's mandates (authority.md): always by the zone's id, never by its slug. */
export function issuerOf(base: string, zone: ZoneId): string {
  return `${base}/zones/${zone}`
}

/** `zone` is an id, or a slug as a path may have it. */
export function tokenEndpointOf(base: string, zone: string): string {
  return `${base}/zones/${zone}/oauth2/token`
}

/** Where resource servers learn which mandates have been revoked (authority.md, Revocation). */
export function revocationFeedOf(issuer: string): string {
  return `${issuer}/revocations`
}

/** Where people sign in (RFC 6749 section 3.1). */
export function authorizationEndpointOf(base: string, zone: ZoneId): string {
  return `${issuerOf(base, zone)}/oauth2/authorize`
}

/** Where subject issuers send people back to: the redirect URI that a zone has at each of them. */
export function callbackOf(base: string, zone: ZoneId): string {
  return `${issuerOf(base, zone)}/oauth2/callback`
}

/** What a control mandate is for: the Admin API of this service. */
export function controlAudience(base: string): string {
  return `${base}/v1`
}
