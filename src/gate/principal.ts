import type { Capability } from '../../tools/operation.ts'
import type { ActingSession } from '../admin/handlers.ts'
import type { Fault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'

/**
 * On whose authority a call comes: an admin token, a control mandate, a session mandate, or the
 * platform itself.
 */
export type Principal =
  AdminPrincipal | ControlPrincipal | SessionPrincipal | SystemPrincipal | AnonymousPrincipal

interface Identity {
  /** Id of the person or automation that answers for the call. */
  readonly id: string
  readonly name: string
}

export interface AdminPrincipal extends Identity {
  readonly kind: 'admin'
  readonly person: boolean
  readonly tokenId: string
  /** The one zone that the token reaches; null reaches all. */
  readonly zone: ZoneId | null
  readonly capabilities: ReadonlySet<Capability>
}

/** A mandate with use `control`, minted by the STS for the Operator on a person's behalf. */
export interface ControlPrincipal extends Identity {
  readonly kind: 'control'
  readonly tokenId: string
  readonly jti: string
  readonly clientId: string
  readonly clientName: string
  readonly target: ZoneId | 'platform'
  readonly scopes: ReadonlySet<string>
  readonly plan: {
    readonly id: string
    readonly digest: string
    readonly approvalIds: readonly string[]
  } | null
  readonly conversationId: string | null
}

/** A mandate with use `session`: an application, or an agent of it, acts on its own sessions. */
export interface SessionPrincipal extends Identity {
  readonly kind: 'session'
  readonly zone: ZoneId
  readonly jti: string
  readonly session: ActingSession
}

/** The bootstrap identity that keeps the system zone and the first zone as they are declared. */
export interface SystemPrincipal extends Identity {
  readonly kind: 'system'
}

/** Whoever sent a credential that is none: every call of theirs is refused, and recorded. */
export interface AnonymousPrincipal extends Identity {
  readonly kind: 'anonymous'
  readonly fault: Fault
}

export function anonymous(fault: Fault): AnonymousPrincipal {
  return { kind: 'anonymous', id: 'anonymous', name: 'anonymous', fault }
}

export const platform: SystemPrincipal = { kind: 'system', id: 'platform', name: 'caracal.sys' }
