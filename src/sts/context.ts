import type { Clock } from '../kernel/clock.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import type { SafeFetch } from '../kernel/safe-fetch.ts'
import type { Vault } from '../kernel/vault.ts'
import type { PolicyEngine } from '../policy/load.ts'
import type { Database } from '../store/database.ts'

/** The reserved zone and the Operator's two applications in it. */
export interface SystemIdentities {
  readonly zone: ZoneId
  readonly operator: Id<'application'>
  readonly executor: Id<'application'>
}

/** What the STS needs of the service. */
export interface StsContext {
  readonly clock: Clock
  readonly db: Database
  readonly vault: Vault
  readonly policy: PolicyEngine
  readonly safeFetch: SafeFetch
  /** The service's URL as clients see it, without a slash at the end. */
  issuerBase(): string
  system(): SystemIdentities
  readonly log: {
    warn(facts: object, message: string): void
    error(facts: object, message: string): void
  }
}
