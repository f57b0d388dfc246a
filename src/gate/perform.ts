import { findOperation, type OperationId } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { metaOf } from '../../tools/fields.ts'
import { recordEvents } from '../audit/record.ts'
import type { Clock } from '../kernel/clock.ts'
import { isFault, refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Vault } from '../kernel/vault.ts'
import type { Database } from '../store/database.ts'
import { revisionOf } from '../store/revisions.ts'
import { openTx } from '../store/tx.ts'
import { findZone, lockZone, type Zone } from '../store/zones.ts'
import { authorize } from './authorize.ts'
import { asFault } from './database-faults.ts'
import { eventOf, refusalOf } from './events.ts'
import type { Call, Handlers, PrepareRequest, Serve } from './handler.ts'
import { claimKey, keepResult } from './idempotency.ts'
import { parseInput } from './parse.ts'
import { previewSteps, type StepsPreview } from './preview.ts'
import type { Principal } from './principal.ts'

/** What the door needs of the service. */
export interface GateContext {
  readonly clock: Clock
  readonly db: Database
  readonly vault: Vault
  readonly handlers: Handlers
  readonly log: { error(detail: object, message: string): void }
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
  /** Revision that the target must still have (RFC 9110 section 13.1.1). */
  readonly ifMatch?: number | undefined
  readonly idempotencyKey?: string | undefined
  /** Answer what would change, and change nothing. */
  readonly dryRun?: boolean | undefined
}

export interface Performed {
  readonly output: unknown
  /** True where an earlier answer to the same idempotency key is given again. */
  readonly replayed: boolean
}

/** Where a call stands once its words are resolved. */
interface Resolved {
  readonly operation: Operation & { readonly id: OperationId }
  readonly zone: Zone | null
  readonly input: Readonly<Record<string, unknown>>
}

/**
 * The one door. Whatever asks for a change or a read goes through here: parse, authorize, run,
 * record, in one transaction. A refusal changes nothing and leaves one event.
 */
export async function perform(
  context: GateContext,
  principal: Principal,
  request: Request,
): Promise<Performed> {
  let zone: Zone | null = null
  try {
    zone = await namedZone(context, request)
    const resolved = admit(principal, request, zone)
    return request.dryRun === true && resolved.operation.effect !== 'read'
      ? { output: await rehearse(context, principal, request, resolved), replayed: false }
      : await commit(context, principal, request, resolved)
  } catch (error) {
    const fault = asFault(error)
    if (fault === null) throw error
    await recordRefusal(context, principal, request, zone, fault)
    throw fault
  }
}

async function namedZone(context: GateContext, request: Request): Promise<Zone | null> {
  const named = request.zone
  if (named === null) return null
  const zone = await context.db.transaction('*', (queries) => findZone(queries, named))
  return zone ?? refuse('zone_not_found', 'There is no such zone.', { details: { zone: named } })
}

/** Parses and authorizes a call, without having touched anything. */
function admit(principal: Principal, request: Request, zone: Zone | null): Resolved {
  const operation = findOperation(request.operation)
  if (operation === undefined)
    refuse('unknown_operation', `There is no operation ${JSON.stringify(request.operation)}.`)
  if (operation.place === 'zone' && zone === null)
    refuse('zone_not_found', `${operation.id} needs a zone.`)
  const inZone = operation.place === 'zone' ? zone : null
  authorize(principal, operation, inZone)
  if (inZone !== null && inZone.archived_at !== null && operation.effect !== 'read')
    refuse('zone_archived', 'This zone is archived.')
  return { operation, zone: inZone, input: parseInput(operation, request.input) }
}

async function commit(
  context: GateContext,
  principal: Principal,
  request: Request,
  resolved: Resolved,
): Promise<Performed> {
  const { operation, input } = resolved
  const home = homeOf(context, resolved)
  const prepared = await prepare(context, principal, request, resolved, home)
  return context.db.transaction(scopeOf(resolved), async (queries) => {
    const claim = await claimKey(context, queries, principal, request)
    if (claim.earlier !== null) return { output: claim.earlier.output, replayed: true }
    if (operation.versioned) await lockZone(queries, home)
    if (request.ifMatch !== undefined)
      await checkRevision(queries, home, operation, input, request.ifMatch)
    const call = callOf(openTx(queries, home, context.clock.now()), principal, request)
    const output = await serve(context, call, operation, input, prepared)
    if (isRecorded(operation)) {
      await recordEvents(queries, call.nowMs, [eventOf(operation, call, output, input)])
    }
    await keepResult(context, queries, claim, output)
    return { output, replayed: false }
  })
}

/** The same preview that a plan of one step has (admin-api.md, Conventions). */
async function rehearse(
  context: GateContext,
  principal: Principal,
  request: Request,
  resolved: Resolved,
): Promise<StepsPreview> {
  const { operation, input } = resolved
  if (!operation.plannable)
    refuse('not_plannable', `${operation.id} has no dry run: it changes no versioned state.`)
  const home = homeOf(context, resolved)
  return context.db.transaction(scopeOf(resolved), async (queries) => {
    await lockZone(queries, home)
    if (request.ifMatch !== undefined)
      await checkRevision(queries, home, operation, input, request.ifMatch)
    const call = callOf(openTx(queries, home, context.clock.now()), principal, request)
    const step = { id: 'step', operation: operation.id, input, depends_on: [] }
    return (await previewSteps(context, call, [step])).preview
  })
}

function homeOf(context: GateContext, resolved: Resolved): ZoneId {
  return (resolved.zone?.id as ZoneId | undefined) ?? context.system().zone
}

/** Most calls see the rows of their own zone alone; the declaration says which may see more. */
function scopeOf({ operation, zone }: Resolved): ZoneId | '*' {
  return zone === null || operation.acrossZones ? '*' : (zone.id as ZoneId)
}

async function prepare(
  context: GateContext,
  principal: Principal,
  request: Request,
  { operation, input }: Resolved,
  zone: ZoneId,
): Promise<unknown> {
  const handler: unknown = context.handlers[operation.id]
  if (typeof handler === 'function') return undefined
  const { prepare: first } = handler as {
    prepare: (request: PrepareRequest, input: unknown) => Promise<unknown>
  }
  return first({ zone, principal, requestId: request.requestId, traceId: request.traceId }, input)
}

function callOf(tx: ReturnType<typeof openTx>, principal: Principal, request: Request): Call {
  const { requestId, traceId } = request
  return { ...tx, principal, requestId, traceId, rehearsal: false }
}

/** Runs the handler of an admitted operation. Errors of the database become refusals where they are. */
export async function serve(
  context: Pick<GateContext, 'handlers'>,
  call: Call,
  operation: Resolved['operation'],
  input: Resolved['input'],
  prepared: unknown = undefined,
): Promise<unknown> {
  const handler: unknown = context.handlers[operation.id]
  const run = (typeof handler === 'function' ? handler : (handler as { serve: unknown }).serve) as Serve<
    never,
    unknown
  >
  return run(call, input as never, prepared)
}

/** Reads leave no event, except of the audit log itself (audit.md). */
export function isRecorded(operation: Operation): boolean {
  return operation.effect !== 'read' || operation.capability === 'audit'
}

async function checkRevision(
  queries: Call['queries'],
  zone: ZoneId,
  operation: Operation,
  input: Resolved['input'],
  expected: number,
): Promise<void> {
  const field = pathFields(operation).at(-1)
  const kind = field === undefined ? undefined : metaOf(operation.input.shape[field] as never).ref
  const id = field === undefined ? undefined : input[field]
  const current = await revisionOf(queries, zone, kind ?? 'zone', typeof id === 'string' ? id : zone)
  if (current === expected) return
  refuse('revision_conflict', 'It has changed since you read it: read it again, then decide.', {
    details: { expected, current },
  })
}

/** The event of a refusal is all that a refused call leaves. */
async function recordRefusal(
  context: GateContext,
  principal: Principal,
  request: Request,
  zone: Zone | null,
  fault: Parameters<typeof refusalOf>[2],
): Promise<void> {
  const home = (zone?.id as ZoneId | undefined) ?? context.system().zone
  try {
    await context.db.transaction(home, (queries) =>
      recordEvents(queries, context.clock.now(), [refusalOf(principal, { ...request, home }, fault)]),
    )
  } catch (error) {
    context.log.error({ err: error, requestId: request.requestId }, 'a refusal was not recorded')
    if (!isFault(error)) refuse('not_ready', 'The audit log cannot be written; nothing was done.')
  }
}
