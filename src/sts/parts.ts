import type { EventWriter } from '../audit/writer.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import type { RateLimiter } from '../kernel/rate-limiter.ts'
import type { ZoneReader } from '../store/zone-reader.ts'
import type { StsContext } from './context.ts'
import type { Decisions } from './decisions.ts'
import type { DocumentCache } from './documents.ts'
import type { DraftEvent } from './draft-event.ts'
import type { MandateVerifier } from './mandate-verifier.ts'
import type { IssuerKeys } from './people/issuer-keys.ts'
import type { Parameters } from './parameters.ts'
import type { Signers } from './signers.ts'
import type { Trust } from './trust.ts'
import type { ZoneNames } from './zone-names.ts'

/** What an STS is made of: the service's context and the caches that belong to it. */
export interface Parts {
  readonly context: StsContext
  readonly reader: ZoneReader
  readonly zones: ZoneNames
  readonly documents: DocumentCache
  readonly decisions: Decisions
  readonly signers: Signers
  readonly trust: Trust
  readonly mandates: MandateVerifier
  readonly issuerKeys: IssuerKeys
  readonly events: EventWriter
  readonly rates: RateLimiter
}

/** A request to one of a zone's endpoints, as the surface has received it. */
export interface EndpointRequest {
  /** The zone in the path, by id or slug. */
  readonly zone: string
  /** The body, where it is application/x-www-form-urlencoded; null for any other kind. */
  readonly form: string | null
  readonly authorization: string | undefined
  /** The DPoP header (RFC 9449), where there is one. */
  readonly dpop: string | undefined
  /** The peer's address in the form that conditions compare; null where it is unknown. */
  readonly sourceIp: string | null
  readonly requestId: string
  readonly traceId: string | null
}

/** A request that has found its zone; `event` is its record so far. */
export interface Exchange {
  readonly parts: Parts
  readonly zone: ZoneId
  /** The zone as the path names it. */
  readonly named: string
  readonly parameters: Parameters
  readonly authorization: string | undefined
  readonly dpop: string | undefined
  readonly sourceIp: string | null
  readonly nowMs: number
  readonly event: DraftEvent
  readonly upon: Upon
}

/** What else happens, set while a request is served. */
export interface Upon {
  /** The change that a refusal makes, in the transaction of its event. */
  refusal: ((queries: Queries) => Promise<void>) | null
}
