import type { OperationId } from './catalogue.ts'

/** An operation that is a tool of the MCP server under a name of its own. */
export interface NamedTool {
  readonly name: string
  readonly operation: OperationId
  /** Optional fields of the operation that the tool insists on. */
  readonly requires: readonly string[]
  /** The tool whose schema spells the same answer out; this one's only names its fields. */
  readonly answersLike?: string
}

/**
 * The life of a plan as far as a model may take it. Nothing here approves or rejects: a person does
 * that on another surface.
 */
export const planTools: readonly NamedTool[] = [
  { name: 'plan_propose', operation: 'plans.create', requires: [], answersLike: 'plan_get' },
  { name: 'plan_get', operation: 'plans.get', requires: [] },
  { name: 'plan_preview', operation: 'plans.preview', requires: [], answersLike: 'plan_get' },
  { name: 'plan_apply', operation: 'plans.apply', requires: ['digest'] },
  { name: 'plan_undo', operation: 'plans.undo', requires: [], answersLike: 'plan_get' },
]

/** The tools whose answer is a new plan, for the person to see. */
export const proposingTools: readonly string[] = ['plan_propose', 'plan_undo']

/** Reads of the platform that are tools beside those of a zone. */
export const platformReads: readonly OperationId[] = ['zones.list']

/**
 * Objects that no model has any business with, even to read: credentials, autopilot, other
 * conversations, where messages leave to, and what agents run at this moment.
 */
export const hiddenObjects: readonly string[] = [
  'admin_tokens',
  'autopilot',
  'conversations',
  'webhooks',
  'sessions',
  'delegations',
  'witnesses',
]

/** Reads that are for programs: proofs to be checked, files, and whole states. */
export const hiddenReads: readonly OperationId[] = [
  'audit.checkpoint',
  'audit.consistency',
  'audit.entries',
  'audit.export',
  'audit.follow',
  'audit.proof',
  'operator.calls',
  'operator.usage',
  'plans.evidence',
  'zones.export',
]
