import { satisfiedBy } from '../../tools/held-scopes.ts'
import type { Capability, Operation } from '../../tools/operation.ts'
import { refuse, type FaultCode } from '../kernel/faults.ts'
import type { Zone } from '../store/zones.ts'
import { reservedSlug } from '../kernel/names.ts'
import type { AdminPrincipal, ControlPrincipal, Principal, SessionPrincipal } from './principal.ts'

const missingCapability: Readonly<Record<Capability, FaultCode>> = {
  read: 'read_capability_required',
  write: 'admin_token_read_only',
  approve: 'approve_capability_required',
  audit: 'audit_capability_required',
  owner: 'owner_capability_required',
}

/**
 * Refuses a call that its principal may not make. `zone` is the zone that the call names, or null
 * for one of the platform. Nothing else in the service decides who may call an operation.
 */
export function authorize(principal: Principal, operation: Operation, zone: Zone | null): void {
  if (principal.kind === 'system') return
  if (principal.kind === 'anonymous') throw principal.fault
  if (principal.kind === 'session') authorizeSession(principal, operation, zone)
  else if (principal.kind === 'admin') authorizeAdmin(principal, operation, zone)
  else authorizeControl(principal, operation, zone)
  if (principal.kind !== 'session' && operation.callers === 'agents')
    refuse(
      'session_mandate_required',
      `${operation.id} is for agents: call it with a session mandate of the zone's token endpoint.`,
    )
}

/** A session mandate opens what is declared for agents; the handlers keep it to its own sessions. */
function authorizeSession(
  principal: SessionPrincipal,
  operation: Operation,
  zone: Zone | null,
): void {
  if (operation.callers === 'administrators')
    refuse('session_mandate_refused', `${operation.id} is not for session mandates.`)
  if (zone?.id !== principal.zone)
    refuse('mandate_zone_mismatch', 'This mandate is for another zone.')
}

function authorizeAdmin(principal: AdminPrincipal, operation: Operation, zone: Zone | null): void {
  if (principal.zone !== null && zone !== null && zone.id !== principal.zone)
    refuse('admin_token_zone_mismatch', 'This admin token belongs to another zone.')
  if (principal.zone !== null && operation.place === 'platform')
    refuse('global_scope_required', `${operation.id} needs an admin token with global scope.`)
  if (!holds(principal, operation.capability))
    refuse(
      missingCapability[operation.capability],
      `${operation.id} needs the ${operation.capability} capability; this token has ${[...principal.capabilities].join(', ')}.`,
    )
  if (zone?.slug === reservedSlug && operation.effect !== 'read')
    refuse(
      'system_zone_read_only',
      'The reserved zone caracal.sys is changed by the platform alone.',
    )
}

export function holds(principal: AdminPrincipal, capability: Capability): boolean {
  return satisfiedBy[capability].some((held) => principal.capabilities.has(held))
}

function authorizeControl(
  principal: ControlPrincipal,
  operation: Operation,
  zone: Zone | null,
): void {
  if (operation.capability === 'approve')
    refuse('control_cannot_approve', 'A control mandate cannot approve; a person decides.')
  if (zone?.system === true)
    refuse('system_zone_refused', 'The Operator has no authority in a system zone.')
  if (principal.target !== 'platform' && zone !== null && zone.id !== principal.target)
    refuse('mandate_zone_mismatch', 'This mandate is for another zone.')
  if (principal.target !== 'platform' && operation.place === 'platform')
    refuse('global_scope_required', `${operation.id} needs a mandate for the platform.`)
  if (!principal.scopes.has(operation.scope))
    refuse('control_scope_required', `This mandate does not carry ${operation.scope}.`, {
      details: { scope: operation.scope },
    })
}
