import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { accessTuple } from './access.ts'
import { zoneState } from './declared-state.ts'
import { digest, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const risk = z.enum(['low', 'medium', 'high', 'critical'])

export const planState = z.enum([
  'draft',
  'previewed',
  'pending_approval',
  'approved',
  'applied',
  'failed',
  'rejected',
  'expired',
  'stale',
  'superseded',
])

const step = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,39}$/, 'must be a short lower-case word')
    .meta({ description: 'Later steps refer to {{steps.<id>.output.<field>}}' }),
  operation: z.string().max(80).meta({ description: 'Of the catalogue' }),
  zone: z.string().max(200).optional().meta({
    description: 'Id, slug or {{reference}}; else the plan’s own',
  }),
  input: z.record(z.string(), z.unknown()).default({}),
  depends_on: z.array(z.string().max(40)).max(limits.planSteps).default([]),
})

/** A step that is not yet a plan’s. */
export const draftStep = step

const fieldChange = z.object({
  field: z.string(),
  before: z.unknown(),
  after: z.unknown(),
})

const objectChange = z.object({
  kind: z.string(),
  id: z.string(),
  zone_id: z.string(),
  name: z.string().nullable(),
  effect: z.enum(['create', 'update', 'archive']),
  fields: z.array(fieldChange),
})

export const stepPreview = z.object({
  id: z.string(),
  operation: z.string(),
  zone_id: z.string().nullable(),
  effect: z.enum(['create', 'update', 'delete', 'no-op', 'blocked']),
  summary: z.string(),
  input: z.record(z.string(), z.unknown()).meta({ description: 'After references are resolved' }),
  changes: z.array(objectChange),
  blocked: z.object({ code: z.string(), message: z.string() }).nullable(),
  risk,
  risk_reasons: z.array(z.string()),
  reversible: z.boolean(),
})

/** The zone's newest recorded decisions on the outcome; those alone that come out otherwise are listed. */
export const replayed = z.object({
  decisions: z.int(),
  allow_to_deny: z.int(),
  deny_to_allow: z.int(),
  narrowed: z.int(),
  widened: z.int(),
  flips: z.array(
    z.object({
      change: z.enum(['allow_to_deny', 'deny_to_allow', 'narrowed', 'widened']),
      application_id: z.string(),
      user_id: z.string().nullable(),
      resource_identifier: z.string(),
      scopes: z.array(z.string()),
      gained: z.array(z.string()),
      lost: z.array(z.string()),
      times: z.int(),
      last_event_id: z.string(),
    }),
  ),
})

export const preview = z.object({
  steps: z.array(stepPreview),
  access: z.object({
    gained: z.array(accessTuple),
    lost: z.array(accessTuple),
    newly_gated: z.array(accessTuple),
  }),
  replay: replayed.optional(),
  policy: z.object({
    decision: z.enum(['deny', 'require_approval', 'allow']),
    approvals: z.int(),
    second_person: z.boolean(),
    break_glass: z.boolean(),
    reason: z.string(),
    rules: z.array(z.string()),
  }),
  risk,
  reversible: z.boolean(),
  events: z
    .array(z.string())
    .meta({ description: 'Types of the audit events that apply would write' }),
  warnings: z.array(z.string()),
  provenance: z
    .array(
      z.object({
        step: z.string(),
        argument: z.string().meta({ description: 'Such as scopes.0' }),
        source: z.enum(['words', 'state', 'plan', 'neither']).meta({
          description:
            'words: the person wrote it. state: the zone has it. plan: an earlier step gives it',
        }),
      }),
    )
    .optional()
    .meta({ description: 'Where each argument comes from' }),
})

/** What a preview shows otherwise than the one before it. */
const since = z.object({
  digest: digest.meta({ description: 'The digest of what is compared with' }),
  approved: z.boolean().meta({ description: 'Whether that was approved; else it was shown' }),
  differences: z.array(
    z.object({
      path: z.string().meta({ description: 'Such as steps.grant.changes or access.gained' }),
      before: z.unknown(),
      after: z.unknown(),
    }),
  ),
})

const person = z.object({ id: z.string(), name: z.string() })

export const plan = z.object({
  id: ref('plan'),
  zone_id: ref('zone'),
  reach: z
    .enum(['zone', 'platform'])
    .meta({ description: 'platform: creates or changes zones; needs global scope' }),
  state: planState,
  digest: digest.nullable(),
  base_revisions: z.record(z.string(), z.int()),
  policy_set_version_id: z.string().nullable(),
  requester: person,
  origin: z.enum(['chat', 'api', 'file', 'mcp', 'undo']),
  undoes: z.string().nullable().meta({ description: 'The applied plan that this one undoes' }),
  intent: z.string(),
  summary: z.string(),
  steps: z.array(step),
  preview: preview.nullable(),
  since: since
    .nullable()
    .meta({ description: 'After a rebase: what has changed since the plan was approved' }),
  risk: risk.nullable(),
  approvals_required: z.int(),
  approvals: z.array(
    z.object({
      id: z.string(),
      approver: person,
      digest,
      decision: z.enum(['approve', 'reject']),
      // autopilot: given by proof, for the person who has opted in.
      kind: z.enum(['person', 'autopilot']).default('person'),
      proof: z.unknown().optional(),
      reason: z.string().nullable(),
      break_glass: z.boolean(),
      at: z.iso.datetime(),
      expires_at: z.iso.datetime(),
    }),
  ),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  request_id: z
    .string()
    .nullable()
    .meta({ description: 'Request that applied it: its audit trace' }),
  revision: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
})

/** A plan as a file: what was asked for, without the zone, the preview and the decisions. */
const planFile = z.strictObject({
  format: z.literal('caracal-plan/1'),
  intent: z.string().max(limits.messageChars).optional(),
  summary: z.string().max(limits.descriptionChars).optional(),
  steps: z.array(step).min(1).max(limits.planSteps),
})

/** What proves a plan offline; the names of the parts are in docs/plans.md. */
export const evidence = z.strictObject({
  format: z.literal('caracal-evidence/1'),
  made_at: z.iso.datetime(),
  plan: z.strictObject({
    ...plan.omit({ approvals: true }).shape,
    assigned_ids: z.record(z.string(), z.array(z.string())),
  }),
  approvals: plan.shape.approvals.meta({ description: 'The decisions on exactly this digest' }),
  mandate_ids: z.array(z.string()).meta({ description: 'jti of the mandates that acted' }),
  logs: z
    .array(
      z.strictObject({
        zone_id: z.string(),
        verifier_key: z.string(),
        checkpoint: z.string().meta({ description: 'Signed note (C2SP tlog-checkpoint)' }),
        events: z.array(
          z.strictObject({
            sequence: z.int(),
            entry: z.string().meta({ description: 'The text that the log hashes' }),
            hashes: z.array(z.string()).meta({ description: 'Inclusion proof (RFC 6962)' }),
          }),
        ),
      }),
    )
    .meta({ description: 'The events of the plan, by the log of the zone that they are in' }),
  signature: z
    .string()
    .meta({ description: 'Note signed with the key of the zone’s log, over all of the above' }),
})

const reason = z.string().trim().min(1).max(limits.descriptionChars)
const all = '/v1/zones/:zone_id/plans'
const one = `${all}/:plan_id`
const target = { plan_id: ref('plan') }

export const plans = [
  operation({
    id: 'plans.list',
    summary: 'List the plans of the zone, newest first',
    effect: 'read',
    input: z.strictObject({ ...page, state: planState.optional() }),
    output: pageOf(plan.omit({ preview: true })),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'plans.create',
    summary: 'Propose a change plan: its steps are previewed exactly and wait for approval',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject({
      steps: z.array(step).min(1).max(limits.planSteps),
      intent: z
        .string()
        .max(limits.messageChars)
        .default('')
        .meta({ description: 'The person’s words' }),
      summary: z.string().max(limits.descriptionChars).default(''),
    }),
    output: plan,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'plans.import',
    summary: 'Make a plan from a file: the declared state of the zone, or the steps of a plan',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject({ file: z.discriminatedUnion('format', [zoneState, planFile]) }),
    output: z.object({
      plan: plan
        .nullable()
        .meta({ description: 'Null: the zone says already what the file declares' }),
    }),
    route: ['POST', `${all}/import`, 200],
  }),
  operation({
    id: 'plans.get',
    summary: 'Read one plan with its preview, approvals and state',
    effect: 'read',
    input: z.strictObject(target),
    output: plan,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'plans.preview',
    summary: 'Preview a plan again on the present state; its approvals lapse',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject(target),
    output: plan,
    route: ['POST', `${one}/preview`, 200],
  }),
  operation({
    id: 'plans.rebase',
    summary: 'Preview a stale plan on the present state, and say what changed since its approval',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject(target),
    output: plan,
    route: ['POST', `${one}/rebase`, 200],
  }),
  operation({
    id: 'plans.approve',
    summary: 'Approve exactly the plan that has this digest',
    effect: 'act',
    risk: 'high',
    capability: 'approve',
    versioned: false,
    input: z.strictObject({
      ...target,
      digest,
      reason: reason
        .optional()
        .meta({ description: 'Required where the requester approves a high-risk plan alone' }),
    }),
    output: plan,
    route: ['POST', `${one}/approve`, 200],
  }),
  operation({
    id: 'plans.reject',
    summary: 'Reject a plan with a reason that its conversation sees',
    effect: 'act',
    capability: 'approve',
    versioned: false,
    input: z.strictObject({ ...target, reason }),
    output: plan,
    route: ['POST', `${one}/reject`, 200],
  }),
  operation({
    id: 'plans.apply',
    summary: 'Apply an approved plan: all of it, or nothing',
    effect: 'act',
    risk: 'high',
    versioned: false,
    input: z.strictObject({ ...target, digest: digest.optional() }),
    output: z.object({
      plan,
      replayed: z.boolean().meta({ description: 'It had been applied before; nothing was done' }),
      events: z
        .array(
          z.object({ id: z.string(), zone_id: z.string(), type: z.string(), outcome: z.string() }),
        )
        .meta({ description: 'The audit events that it left' }),
      secrets: z
        .array(z.object({ step: z.string(), field: z.string(), value: z.string() }))
        .meta({ secret: true, description: 'One-time secrets, to an approver alone' }),
    }),
    route: ['POST', `${one}/apply`, 200],
  }),
  operation({
    id: 'plans.undo',
    summary: 'Propose the inverse of an applied plan, to be approved like any other',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject(target),
    output: plan,
    route: ['POST', `${one}/undo`, 201],
  }),
  operation({
    id: 'plans.evidence',
    summary: 'Read what proves a plan offline: its diffs, approvals and events, with proofs',
    effect: 'read',
    capability: 'audit',
    level: 'prove',
    input: z.strictObject(target),
    output: evidence,
    route: ['GET', `${one}/evidence`, 200],
  }),
] as const
