import type { OperationId } from '../../tools/catalogue.ts'
import type { ApprovalEventType } from '../../tools/webhooks.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { DoorEventType, PlatformEventType, TokenEventType } from './event-types.ts'

export type Outcome = 'allow' | 'deny' | 'applied' | 'refused' | 'failed'

/** Who acts: a person or automation, an application, the Operator, or the platform itself. */
export interface Actor {
  readonly kind: 'person' | 'automation' | 'application' | 'operator' | 'platform' | 'anonymous'
  readonly id: string
  readonly name: string
}

export interface Target {
  readonly kind: string
  readonly id: string
  readonly name: string | null
}

/** What every event may say. It holds no secret: only digests of what changed. */
interface Base {
  readonly zone: ZoneId
  readonly outcome: Outcome
  readonly actor: Actor
  readonly onBehalfOf?: { readonly id: string; readonly name: string } | undefined
  readonly requestId: string
  readonly traceId?: string | undefined
  readonly applicationId?: string | undefined
  readonly sessionId?: string | undefined
  readonly planId?: string | undefined
  readonly approvalIds?: readonly string[] | undefined
  readonly mandateJti?: string | undefined
  /** The refusal's code or the decision's reason. */
  readonly reason?: string | undefined
  readonly target?: Target | undefined
  /** Facts that help a reader, such as the scopes asked for and those missing. */
  readonly diagnostics?: Readonly<Record<string, unknown>> | undefined
}

/** A call through the door: an operation of the catalogue, or a word that names none. */
export interface OperationEvent extends Base {
  readonly type: OperationId | DoorEventType
  readonly beforeDigest?: string | undefined
  readonly afterDigest?: string | undefined
}

/** A request to an OAuth endpoint of a zone. */
export interface TokenEvent extends Base {
  readonly type: TokenEventType
  readonly policySetVersionId?: string | undefined
  /** What determined the decision, such as `grant:grt_...`. */
  readonly rules?: readonly string[] | undefined
  /** What a decision was made on, so that it can be made again (src/policy/recorded-facts.ts). */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
}

/** What has become of a hold (step-up). */
export interface ApprovalEvent extends Base {
  readonly type: ApprovalEventType
  readonly approvalIds: readonly string[]
  readonly policySetVersionId?: string | undefined
  readonly target: Target
}

/** What the platform has done by itself, and the answers of models. */
export interface PlatformEvent extends Base {
  readonly type: PlatformEventType
}

/** What one act leaves in the log: one event, written in the act's own transaction. */
export type AuditEvent = OperationEvent | TokenEvent | ApprovalEvent | PlatformEvent
