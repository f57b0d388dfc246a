import type { Fault } from '../kernel/faults.ts'
import type { Clock } from '../kernel/clock.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Vault } from '../kernel/vault.ts'
import type { PolicyEngine } from '../policy/load.ts'
import type { Database } from '../store/database.ts'
import type { Handlers } from './handler.ts'

/** What the door needs of the service. */
export interface GateContext {
  readonly clock: Clock
  readonly db: Database
  readonly vault: Vault
  readonly policy: PolicyEngine
  readonly handlers: Handlers
  readonly log: { error(detail: object, message: string): void }
  /** Told after a change is committed: what this process keeps of the zone is to be read again. */
  changed(zone: ZoneId): void
  /** The zone whose log and revision are those of the platform. */
  system(): { readonly zone: ZoneId }
}

/** A call as it came in: nothing of it is trusted yet. */
export interface Request {
  readonly operation: string
  /** The zone by id or slug; null for an operation of the platform. */
  readonly zone: string | null
  readonly input: unknown
  readonly requestId: string
  readonly traceId?: string | undefined
  /** Where the call came in; the Admin API when absent. */
  readonly surface?: 'api' | 'mcp' | undefined
  /** Revision that the target must still have (RFC 9110 section 13.1.1). */
  readonly ifMatch?: number | undefined
  readonly idempotencyKey?: string | undefined
  /** Answer what would change, and change nothing. */
  readonly dryRun?: boolean | undefined
  /** The surface could not read the call: the door refuses it with this, and records it. */
  readonly refusal?: Fault | undefined
}
