import type { OperationId } from './catalogue.ts'

/** An operation that is a tool of the MCP server under a name of its own. */
export interface NamedTool {
  readonly name: string
  readonly operation: OperationId
  /** Optional fields of the operation that the tool insists on. */
  readonly requires: readonly string[]
}

/**
 * The life of a plan as far as a model may take it. Nothing here approves or rejects: a person does
 * that on another surface.
 */
export const planTools: readonly NamedTool[] = [
  { name: 'plan_propose', operation: 'plans.create', requires: [] },
  { name: 'plan_get', operation: 'plans.get', requires: [] },
  { name: 'plan_preview', operation: 'plans.preview', requires: [] },
  { name: 'plan_apply', operation: 'plans.apply', requires: ['digest'] },
]

/** The tool whose answer is a new plan, for the person to see. */
export const proposeTool = 'plan_propose'

/** Reads of the platform that are tools beside those of a zone. */
export const platformReads: readonly OperationId[] = ['zones.list']

/**
 * Objects that no model has any business with, even to read: credentials, other conversations, where
 * messages leave to, and what agents run at this moment.
 */
export const hiddenObjects: readonly string[] = [
  'admin_tokens',
  'conversations',
  'webhooks',
  'sessions',
  'delegations',
  'witnesses',
]

/** Reads that are for machines that check the log, not for models that talk of it. */
export const hiddenOperations: readonly OperationId[] = [
  'audit.checkpoint',
  'audit.consistency',
  'audit.entries',
  'audit.export',
  'audit.follow',
  'audit.proof',
]
