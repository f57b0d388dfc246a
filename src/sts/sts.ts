import type { TokenEventType } from '../audit/event-types.ts'
import { createEventWriter } from '../audit/writer.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import { createRateLimiter } from '../kernel/rate-limiter.ts'
import type { Fault } from '../kernel/faults.ts'
import type { PublicJwk } from '../kernel/signing-key.ts'
import { createZoneReader } from '../store/zone-reader.ts'
import { findZone } from '../store/zones.ts'
import type { StsContext } from './context.ts'
import { verifyControl, type ControlMandate } from './control.ts'
import { createDecisions } from './decisions.ts'
import { createDocumentCache } from './documents.ts'
import { introspect, type IntrospectAnswer } from './introspect.ts'
import { createMandateVerifier } from './mandate-verifier.ts'
import { metadataOf } from './metadata.ts'
import { requestMandate, type AskedIn } from './operator-tokens.ts'
import type { EndpointRequest, Parts } from './parts.ts'
import {
  askToSignIn,
  returnFromIssuer,
  signIn,
  type AuthorizeAnswer,
  type AuthorizeRequest,
} from './people/authorize.ts'
import { createIssuerKeys } from './people/issuer-keys.ts'
import { createRevocationFeed, type ZoneFeed } from './revocation-feed.ts'
import { revoke } from './revoke.ts'
import { recordUnread } from './serve.ts'
import { verifySession, type SessionMandate } from './session-mandate.ts'
import { createSigners } from './signers.ts'
import { startUpkeep } from './upkeep.ts'
import { issueToken, type TokenAnswer } from './token.ts'
import { createTrust } from './trust.ts'
import { createZoneNames } from './zone-names.ts'

/** The security token service. Its endpoints throw the fault to answer with. */
export interface Sts extends AsyncDisposable {
  token(request: EndpointRequest): Promise<TokenAnswer>
  introspect(request: EndpointRequest): Promise<IntrospectAnswer>
  revoke(request: EndpointRequest): Promise<void>
  /** Records a request that was refused before its body could be read. */
  refusedUnread(request: EndpointRequest, type: TokenEventType, fault: Fault): Promise<void>
  /** The authorization endpoint: the page, its form, and the way back from a subject issuer. */
  askToSignIn: (request: AuthorizeRequest) => Promise<AuthorizeAnswer>
  signIn: (request: AuthorizeRequest) => Promise<AuthorizeAnswer>
  returnFromIssuer: (request: AuthorizeRequest) => Promise<AuthorizeAnswer>
  /** The public keys of a zone, newest first; null where there is no such zone. */
  jwks(zone: string): Promise<{ readonly keys: readonly PublicJwk[] } | null>
  /** RFC 8414; null where there is no such zone. */
  metadata(zone: string): Promise<Readonly<Record<string, unknown>> | null>
  /** What of a zone has been revoked, and will be; null where there is no such zone. */
  revocations(zone: string): Promise<ZoneFeed | null>

  /** Believes a bearer token as a control mandate, or refuses `invalid_mandate`. */
  verifyControl(token: string): Promise<ControlMandate>
  /** Believes a bearer token as a session mandate, or refuses; null where it claims to be none. */
  verifySession(token: string): Promise<SessionMandate | null>
  /** The Operator's mandate to read for a conversation: the token. */
  readMandate(asked: AskedIn & { readonly conversationId: Id<'conversation'> }): Promise<string>
  /** The executor's mandate to apply a plan, once: the token. */
  planMandate(asked: AskedIn & { readonly planId: Id<'plan'> }): Promise<string>
  /** To be called after a change of a zone's keys or revocations: it then acts here at once. */
  forgetTrust(zone: ZoneId): void
}

/** The STS over a service's context. Disposing of it waits for the events that are on their way. */
export function createSts(context: StsContext, rates = createRateLimiter(context.clock)): Sts {
  const trust = createTrust(context)
  const feed = createRevocationFeed(context, trust)
  const events = createEventWriter(context.db, context.clock)
  const upkeep = startUpkeep(context)
  const parts: Parts = {
    context,
    reader: createZoneReader(context.db.pool),
    zones: createZoneNames(context),
    documents: createDocumentCache(context),
    decisions: createDecisions(context.policy),
    signers: createSigners(context),
    trust,
    mandates: createMandateVerifier(context, trust),
    issuerKeys: createIssuerKeys(context.safeFetch),
    events,
    rates,
  }
  return {
    token: (request) => issueToken(parts, request),
    introspect: (request) => introspect(parts, request),
    revoke: (request) => revoke(parts, request),
    refusedUnread: (request, type, fault) => recordUnread(parts, request, type, fault),
    askToSignIn: (request) => askToSignIn(parts, request),
    signIn: (request) => signIn(parts, request),
    returnFromIssuer: (request) => returnFromIssuer(parts, request),
    async jwks(named) {
      const zone = await parts.zones.find(named)
      return zone && { keys: await trust.publicKeys(zone) }
    },
    async metadata(named) {
      const zone = await findZone(context.db.unzoned, named)
      return zone === undefined ? null : metadataOf(context.issuerBase(), zone.id as ZoneId, zone)
    },
    async revocations(named) {
      const zone = await parts.zones.find(named)
      return zone && feed.of(zone)
    },
    verifyControl: (token) => verifyControl(parts, token),
    verifySession: (token) => verifySession(parts, token),
    readMandate: ({ conversationId, ...asked }) =>
      requestMandate(
        parts,
        context.system().operator,
        { type: 'conversation', id: conversationId },
        asked,
      ),
    planMandate: ({ planId, ...asked }) =>
      requestMandate(parts, context.system().executor, { type: 'plan', id: planId }, asked),
    forgetTrust: (zone) => trust.forget(zone),
    async [Symbol.asyncDispose]() {
      await feed[Symbol.asyncDispose]()
      trust[Symbol.dispose]()
      await upkeep[Symbol.asyncDispose]()
      await events.close()
    },
  }
}
