export { createAdminClient, type AdminClient, type Preview } from './admin-client.ts'
export { CaracalError } from './caracal-error.ts'
export {
  converse,
  type ConversationEvent,
  type ConverseOptions,
  type Message,
  type Plan,
} from './converse.ts'
export {
  ensureApplication,
  ensureGrant,
  ensurePolicy,
  ensurePolicySet,
  ensureProvider,
  ensureResource,
  ensureZone,
  type Ensured,
} from './ensure.ts'
export type { CallOptions, ClientOptions } from './transport.ts'
export type { Mandate, MandateClaims } from './verifier/mandate.ts'
export { MandateError } from './verifier/mandate-error.ts'
export {
  createMandateVerifier,
  type MandateRequest,
  type MandateVerifier,
  type MandateVerifierOptions,
  type RouteOptions,
} from './verifier/mandate-verifier.ts'
export type { MandateRefusalCode } from './verifier/refusals-table.ts'
