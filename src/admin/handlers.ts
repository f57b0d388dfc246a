import type { InputOf, OperationId, OutputOf } from '../../tools/catalogue.ts'
import type { Vault } from '../kernel/vault.ts'
import type { ZoneId } from '../kernel/ids.ts'
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

type AdminTx = Tx & { readonly principal: { readonly id: string } }

/** The handlers of one object's operations, such as `AdminHandlers<'grants'>`. */
export type AdminHandlers<Name extends string> = {
  readonly [Id in OperationId as Id extends `${Name}.${string}` ? Id : never]:
    ((tx: AdminTx, input: InputOf<Id>) => Promise<OutputOf<Id>>) | PreparedHandler<Id>
}

/** A handler with a part that runs before the transaction opens; a step of a plan goes without. */
interface PreparedHandler<Id extends OperationId> {
  readonly prepare: (request: unknown, input: InputOf<Id>) => Promise<unknown>
  readonly serve: (tx: AdminTx, input: InputOf<Id>, prepared: never) => Promise<OutputOf<Id>>
}
