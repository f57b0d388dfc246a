import type { ZoneId } from '../kernel/ids.ts'

export type Outcome = 'allow' | 'deny' | 'applied' | 'refused' | 'failed'

/** Who acts: a person or automation, an application, the Operator, or the platform itself. */
export interface Actor {
  readonly kind: 'person' | 'automation' | 'application' | 'operator' | 'platform' | 'anonymous'
  readonly id: string
  readonly name: string
}

/**
 * What one act leaves in the log. `type` is the operation's id, or `token.<grant>`, `token.introspect`,
 * `token.revoke`, `model.call`. It holds no secret: only digests of what changed.
 */
export interface AuditEvent {
  readonly zone: ZoneId
  readonly type: string
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
  readonly policySetVersionId?: string | undefined
  /** The refusal's code or the decision's reason. */
  readonly reason?: string | undefined
  /** What determined the decision, such as `grant:grt_...`. */
  readonly rules?: readonly string[] | undefined
  readonly target?:
    { readonly kind: string; readonly id: string; readonly name: string | null } | undefined
  readonly beforeDigest?: string | undefined
  readonly afterDigest?: string | undefined
  /** Facts that help a reader, such as the scopes asked for and those missing. */
  readonly diagnostics?: Readonly<Record<string, unknown>> | undefined
  /** What a decision was made on, so that it can be made again (src/policy/recorded-facts.ts). */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
}
