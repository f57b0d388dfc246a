import { findOperation, type OperationId } from '../../tools/catalogue.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import type { Actor, OperationEvent } from '../audit/event.ts'
import { digestOf } from '../kernel/canonical.ts'
import type { Fault } from '../kernel/faults.ts'
import { isId, type ZoneId } from '../kernel/ids.ts'
import type { Call } from './handler.ts'
import type { Principal } from './principal.ts'

/** The event of an act that was done: who, what, and the digests of before and after. */
export function eventOf(
  operation: Operation & { readonly id: OperationId },
  call: Call,
  output: unknown,
  input: Readonly<Record<string, unknown>>,
): OperationEvent {
  const [first] = call.changes
  const plan = planOf(call.principal, operation, output, input)
  return {
    zone: (first?.kind === 'zone' ? first.id : call.zone) as ZoneId,
    type: operation.id,
    outcome: operation.effect === 'read' ? 'allow' : 'applied',
    ...actorOf(call.principal),
    requestId: call.requestId,
    traceId: call.traceId,
    applicationId: applicationIn(call.changes),
    planId: plan,
    approvalIds: call.principal.kind === 'control' ? call.principal.plan?.approvalIds : undefined,
    ...mandateOf(call.principal),
    target: first && { kind: first.kind, id: first.id, name: first.name },
    beforeDigest: first && digestOf(call.changes.map((change) => change.before)),
    afterDigest: first && digestOf(call.changes.map((change) => change.after)),
    diagnostics:
      call.changes.length === 0
        ? {}
        : {
            changes: call.changes.map(({ kind, id, name, effect }) => ({ kind, id, name, effect })),
          },
  }
}

/** The application that changes are about: one of them itself, or the one that a grant is for. */
function applicationIn(changes: Call['changes']): string | undefined {
  for (const { kind, id, before, after } of changes) {
    const named = kind === 'application' ? id : (after ?? before)?.application_id
    if (typeof named === 'string') return named
  }
  return undefined
}

/** The event of a call that was refused: its code, and nothing that was in it. */
export function refusalOf(
  principal: Principal,
  request: {
    readonly operation: string
    readonly home: ZoneId
    readonly requestId: string
    readonly traceId?: string | undefined
    readonly input: unknown
  },
  fault: Fault,
): OperationEvent {
  const known = findOperation(request.operation)
  const named = (request.input as { plan_id?: unknown } | null | undefined)?.plan_id
  return {
    zone: request.home,
    type: known?.id ?? (request.operation === 'mcp' ? 'mcp' : 'operation.unknown'),
    outcome: fault.code === 'internal' ? 'failed' : 'refused',
    ...actorOf(principal),
    requestId: request.requestId,
    traceId: request.traceId,
    planId: isId('plan', named) ? named : undefined,
    ...mandateOf(principal),
    reason: fault.code,
    diagnostics: {
      status: fault.status,
      ...(known === undefined && { operation: request.operation.slice(0, 80) }),
    },
  }
}

/** The mandate that a call came with, and the session that it belongs to. */
function mandateOf(principal: Principal): Pick<OperationEvent, 'mandateJti' | 'sessionId'> {
  if (principal.kind === 'session')
    return { mandateJti: principal.jti, sessionId: principal.session.subjectSessionId }
  return { mandateJti: principal.kind === 'control' ? principal.jti : undefined }
}

/** Who acts and for whom: the Operator acts for a person, everybody else for themselves. */
export function actorOf(principal: Principal): Pick<OperationEvent, 'actor' | 'onBehalfOf'> {
  const self = { id: principal.id, name: principal.name }
  if (principal.kind === 'control')
    return {
      actor: { kind: 'operator', id: principal.clientId, name: principal.clientName },
      onBehalfOf: self,
    }
  if (principal.kind === 'session')
    return {
      actor: { ...self, kind: 'application', id: principal.session.applicationId },
      onBehalfOf: undefined,
    }
  return { actor: { kind: kindOf(principal), ...self }, onBehalfOf: undefined }
}

function kindOf(
  principal: Exclude<Principal, { readonly kind: 'control' | 'session' }>,
): Actor['kind'] {
  if (principal.kind === 'system') return 'platform'
  if (principal.kind === 'anonymous') return 'anonymous'
  return principal.person ? 'person' : 'automation'
}

function planOf(
  principal: Principal,
  operation: Operation,
  output: unknown,
  input: Readonly<Record<string, unknown>>,
): string | undefined {
  if (principal.kind === 'control' && principal.plan !== null) return principal.plan.id
  if (objectOf(operation) !== 'plans') return undefined
  const { id, plan } = output as { id?: unknown; plan?: { id?: unknown } | null }
  const named = input.plan_id ?? id ?? plan?.id
  return typeof named === 'string' ? named : undefined
}
