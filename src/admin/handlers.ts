import type { InputOf, OperationId, OutputOf } from '../../tools/catalogue.ts'
import type { Vault } from '../kernel/vault.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import type { PolicyEngine } from '../policy/load.ts'
import type { RegoCompiler } from '../policy/rego-compiler.ts'
import type { Tx } from '../store/tx.ts'

/** What the functions behind the operations need of the service. */
export interface AdminServices {
  readonly vault: Vault
  readonly policy: PolicyEngine
  readonly rego: RegoCompiler
  /** Base URL of every issuer, without a slash at the end. */
  issuerBase(): string
  system(): { readonly zone: ZoneId }
}

/** The session that a call comes from, as its mandate says. */
export interface ActingSession {
  readonly applicationId: Id<'application'>
  /** The agent session that acts; null: the subject session itself. */
  readonly agentSessionId: string | null
  readonly subjectSessionId: string
  readonly subject: string
  readonly subType: 'application' | 'user'
  readonly expiresAtMs: number
}

/** A call as the door gives it; what its principal lacks, this kind of principal does not have. */
export interface AdminCall extends Tx {
  readonly principal: {
    readonly id: string
    readonly name: string
    readonly person?: boolean
    readonly tokenId?: string
    readonly capabilities?: ReadonlySet<string>
    /** Where an agent calls, it has a session. */
    readonly session?: ActingSession
  }
  readonly requestId: string
  readonly traceId: string | undefined
}

/** The handlers of one object's operations, such as `AdminHandlers<'grants'>`. */
export type AdminHandlers<Name extends string> = {
  readonly [Id in OperationId as Id extends `${Name}.${string}` ? Id : never]:
    ((tx: AdminCall, input: InputOf<Id>) => Promise<OutputOf<Id>>) | PreparedHandler<Id>
}

/** A handler with a part that runs before the transaction opens; a step of a plan goes without. */
interface PreparedHandler<Id extends OperationId> {
  readonly prepare: (request: unknown, input: InputOf<Id>) => Promise<unknown>
  readonly serve: (tx: AdminCall, input: InputOf<Id>, prepared: never) => Promise<OutputOf<Id>>
}
