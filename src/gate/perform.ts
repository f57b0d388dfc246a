import type { z } from 'zod'
import { findOperation, type OperationId } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { metaOf } from '../../tools/fields.ts'
import { recordEvents } from '../audit/record.ts'
import { Fault, isFault, refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { onceMore } from '../store/once-more.ts'
import { revisionOf } from '../store/revisions.ts'
import { openTx } from '../store/tx.ts'
import { findZone, lockZone, type Zone } from '../store/zones.ts'
import { authorize } from './authorize.ts'
import type { GateContext, Request } from './context.ts'
import { asFault } from './database-faults.ts'
import { eventOf, refusalOf } from './events.ts'
import { handlerOf, type Call } from './handler.ts'
import { claimKey, keepResult } from './idempotency.ts'
import { parseInput } from './parse.ts'
import { previewSteps, type StepsPreview } from './preview.ts'
import type { Principal } from './principal.ts'
import { refuseSecrets } from './refuse-secrets.ts'

export interface Performed {
  readonly output: unknown
  /** True where an earlier answer to the same idempotency key is given again. */
  readonly replayed: boolean
  /** The input as it was parsed. */
  readonly input: Readonly<Record<string, unknown>>
  /** The zone of the call; the system zone for one of the platform. */
  readonly home: ZoneId
}

/** A call with what has become known of it; a refusal is recorded with as much as there is. */
interface Attempt {
  readonly principal: Principal
  readonly request: Request
  zone: Zone | null
  admitted: Admitted | null
}

/** A call whose words are understood and that its principal may make. */
interface Admitted {
  readonly operation: Operation & { readonly id: OperationId }
  /** The zone of the call; null for one of the platform. */
  readonly zone: Zone | null
  /** The zone whose revision and log the call moves. */
  readonly home: ZoneId
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
  const attempt: Attempt = { principal, request, zone: null, admitted: null }
  try {
    if (request.zone !== null)
      attempt.zone = (await findZone(context.db.unzoned, request.zone)) ?? null
    attempt.admitted = admit(context, attempt)
    const { operation, input, home } = attempt.admitted
    const done =
      request.dryRun === true && operation.effect !== 'read'
        ? { output: await rehearse(context, attempt, attempt.admitted), replayed: false }
        : await commit(context, attempt, attempt.admitted)
    return { ...done, input, home }
  } catch (error) {
    const fault = asFault(error)
    await recordRefusal(context, attempt, fault ?? new Fault('internal', 'unexpected'))
    throw fault ?? error
  }
}

/** Parses and authorizes a call, without having touched anything. */
function admit(context: GateContext, { principal, request, zone: named }: Attempt): Admitted {
  if (principal.kind === 'anonymous') throw principal.fault
  if (request.refusal !== undefined) throw request.refusal
  const operation = findOperation(request.operation)
  if (operation === undefined)
    refuse('unknown_operation', `There is no operation ${JSON.stringify(request.operation)}.`)
  const zone = operation.place === 'zone' ? named : null
  if (operation.place === 'zone' && zone === null)
    refuse('zone_not_found', 'There is no such zone.', { details: { zone: request.zone } })
  authorize(principal, operation, zone)
  if (principal.kind === 'control' && principal.plan !== null)
    refuse('control_scope_required', 'A plan’s mandate runs the steps of that plan and no call.')
  if (zone !== null && zone.archived_at !== null && operation.effect !== 'read')
    refuse('zone_archived', 'This zone is archived.')
  const home = (zone?.id as ZoneId | undefined) ?? context.system().zone
  const input = parseInput(operation, request.input)
  refuseSecrets(operation, input)
  return { operation, zone, home, input }
}

async function commit(
  context: GateContext,
  { principal, request }: Attempt,
  admitted: Admitted,
): Promise<Pick<Performed, 'output' | 'replayed'>> {
  const { operation, input, home } = admitted
  const { requestId, traceId, surface = 'api' } = request
  const handler = handlerOf(context.handlers, operation.id)
  const prepared = await handler.prepare?.({ zone: home, principal, requestId, traceId }, input)
  const run = async (queries: Call['queries']) => {
    const claim = await claimKey(context, queries, principal, request)
    if (claim.earlier !== null) return { output: claim.earlier.output, replayed: true }
    if (operation.versioned) await lockZone(queries, home)
    await checkRevision(queries, admitted, request.ifMatch)
    const tx = openTx(queries, home, context.clock.now())
    const call: Call = { ...tx, principal, requestId, traceId, surface, rehearsal: false }
    const output = await handler.serve(call, input, prepared)
    if (isRecorded(operation))
      await recordEvents(queries, call.nowMs, [eventOf(operation, call, output, input)])
    await keepResult(context, queries, claim, output)
    return { output, replayed: false }
  }
  const performed = await onceMore(() => context.db.transaction(scopeOf(admitted), run))
  if (operation.effect !== 'read') context.changed(home)
  return performed
}

/** The same preview that a plan of one step has (admin-api.md, Conventions). */
async function rehearse(
  context: GateContext,
  { principal, request }: Attempt,
  admitted: Admitted,
): Promise<StepsPreview> {
  const { operation, input, home } = admitted
  const { requestId, traceId, surface = 'api' } = request
  if (!operation.plannable)
    refuse('not_plannable', `${operation.id} has no dry run: it changes no versioned state.`)
  return context.db.transaction(scopeOf(admitted), async (queries) => {
    await lockZone(queries, home)
    await checkRevision(queries, admitted, request.ifMatch)
    const tx = openTx(queries, home, context.clock.now())
    const call: Call = { ...tx, principal, requestId, traceId, surface, rehearsal: true }
    const step = { id: 'step', operation: operation.id, input, depends_on: [] }
    return (await previewSteps(context, call, [step])).preview
  })
}

/** A call in a zone sees the rows of that zone alone; one of the platform sees all. */
function scopeOf({ zone }: Admitted): ZoneId | '*' {
  return zone === null ? '*' : (zone.id as ZoneId)
}

/** Reads leave no event, except of the audit log itself (audit.md). */
function isRecorded(operation: Operation): boolean {
  return operation.effect !== 'read' || operation.capability === 'audit'
}

/** If-Match: the target must have the revision that the caller has seen, or the zone for a create. */
async function checkRevision(
  queries: Call['queries'],
  { operation, input, home }: Admitted,
  expected: number | undefined,
): Promise<void> {
  if (expected === undefined) return
  const field = pathFields(operation).at(-1)
  const shape: Readonly<Record<string, z.ZodType>> = operation.input.shape
  const schema = field === undefined ? undefined : shape[field]
  const id = field === undefined ? undefined : input[field]
  const kind = schema === undefined ? undefined : metaOf(schema).ref
  const current = await revisionOf(
    queries,
    home,
    kind ?? 'zone',
    typeof id === 'string' ? id : home,
  )
  if (current === expected) return
  refuse('revision_conflict', 'It has changed since you read it: read it again, then decide.', {
    details: { expected, current },
  })
}

/** The event of a refusal, with the transition that the refusal may be, is all that a refused call leaves. */
async function recordRefusal(context: GateContext, attempt: Attempt, fault: Fault): Promise<void> {
  const { principal, request, zone, admitted } = attempt
  const home = admitted?.home ?? (zone?.id as ZoneId | undefined) ?? context.system().zone
  try {
    await context.db.transaction(home, async (queries) => {
      const nowMs = context.clock.now()
      const refusal = { queries, zone: home, fault, now: new Date(nowMs) }
      if (admitted !== null)
        await handlerOf(context.handlers, admitted.operation.id).refused?.(refusal, admitted.input)
      await recordEvents(queries, nowMs, [refusalOf(principal, { ...request, home }, fault)])
    })
  } catch (error) {
    context.log.error({ err: error, requestId: request.requestId }, 'a refusal was not recorded')
    if (!isFault(error)) refuse('not_ready', 'The audit log cannot be written; nothing was done.')
  }
}
