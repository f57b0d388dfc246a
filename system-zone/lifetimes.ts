import { limits } from '../src/kernel/limits.ts'

/** How long what the Operator holds lasts. */
export const lifetimes = {
  readMandateSeconds: limits.controlMandateTtlSeconds,
  planMandateSeconds: limits.planMandateTtlSeconds,
  /** Age at which an identity gets a new key to authenticate with. */
  credentialDays: 30,
  /** Age at which the system zone gets a new signing key. */
  signingKeyDays: 90,
} as const
