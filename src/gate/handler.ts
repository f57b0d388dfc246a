import type { InputOf, OperationId, OutputOf } from '../../tools/catalogue.ts'
import type { Tx } from '../store/tx.ts'
import type { Principal } from './principal.ts'

/** What a handler knows of the call that it serves, beside its input. */
export interface Call extends Tx {
  readonly principal: Principal
  readonly requestId: string
  readonly traceId: string | undefined
  /** True inside a preview: nothing that leaves the transaction may happen. */
  readonly rehearsal: boolean
}

/** Serves one operation inside the call's transaction. */
export type Serve<Id extends OperationId, Prepared> = (
  call: Call,
  input: InputOf<Id>,
  prepared: Prepared,
) => Promise<OutputOf<Id>>

/**
 * A handler, with an optional part that runs before the transaction opens: for what must not hold
 * a lock, such as asking the STS for a mandate.
 */
export type Handler<Id extends OperationId> =
  | Serve<Id, undefined>
  | {
      readonly prepare: (request: PrepareRequest, input: InputOf<Id>) => Promise<unknown>
      readonly serve: Serve<Id, never>
    }

export interface PrepareRequest {
  readonly zone: Tx['zone']
  readonly principal: Principal
  readonly requestId: string
  readonly traceId: string | undefined
}

/** One handler for every operation of the catalogue: a missing one does not compile. */
export type Handlers = { readonly [Id in OperationId]: Handler<Id> }
