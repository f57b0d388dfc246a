export {
  createMandateVerifier,
  type MandateRequest,
  type MandateVerifier,
  type MandateVerifierOptions,
  type RouteOptions,
} from './mandate-verifier.ts'
export { MandateError } from './mandate-error.ts'
export type { Mandate, MandateClaims } from './mandate.ts'
export type { MandateRefusalCode } from './refusals-table.ts'
