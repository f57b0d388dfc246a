import type { InputOf, OperationId, OutputOf } from '../../tools/catalogue.ts'
import type { Fault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import type { Tx } from '../store/tx.ts'
import type { Principal } from './principal.ts'

/** What a handler knows of the call that it serves, beside its input. */
export interface Call extends Tx {
  readonly principal: Principal
  readonly requestId: string
  readonly traceId: string | undefined
  readonly surface: 'api' | 'mcp'
  /** True inside a preview: nothing that leaves the transaction may happen. */
  readonly rehearsal: boolean
  /** True inside the preview of what a model has proposed: see {@link refuseElsewhere} of steps.ts. */
  readonly confined?: boolean
}

/** Serves one operation inside the call's transaction. */
export type Serve<Id extends OperationId, Prepared> = (
  call: Call,
  input: InputOf<Id>,
  prepared: Prepared,
) => Promise<OutputOf<Id>>

/** A handler, with parts that stand outside its transaction where it needs them. */
export type Handler<Id extends OperationId> = Serve<Id, undefined> | StagedHandler<Id>

export interface StagedHandler<Id extends OperationId> {
  /** Runs before the transaction opens: what must not hold a lock, such as asking the STS. */
  readonly prepare?: (request: PrepareRequest, input: InputOf<Id>) => Promise<unknown>
  readonly serve: Serve<Id, never>
  /** Runs in the transaction that records a refusal: the transition that the refusal is. */
  readonly refused?: (refusal: Refusal, input: InputOf<Id>) => Promise<void>
}

export interface PrepareRequest {
  readonly zone: ZoneId
  readonly principal: Principal
  readonly requestId: string
  readonly traceId: string | undefined
}

export interface Refusal {
  readonly queries: Queries
  readonly zone: ZoneId
  readonly fault: Fault
  readonly now: Date
}

/** One handler for every operation of the catalogue: a missing one does not compile. */
export type Handlers = { readonly [Id in OperationId]: Handler<Id> }

/** The parts of a handler, where only its operation's id is known. */
export interface AnyHandler {
  readonly prepare?: (request: PrepareRequest, input: unknown) => Promise<unknown>
  readonly serve: (call: Call, input: unknown, prepared: unknown) => Promise<unknown>
  readonly refused?: (refusal: Refusal, input: unknown) => Promise<void>
}

/** The handler of an operation. The table's type has checked it against the operation's own. */
export function handlerOf(handlers: Handlers, id: OperationId): AnyHandler {
  const handler: unknown = handlers[id]
  return (typeof handler === 'function' ? { serve: handler } : handler) as AnyHandler
}
