import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

export const approvalStates = [
  'pending',
  'approved',
  'rejected',
  'expired',
  'consumed',
  'superseded',
] as const

const state = z.enum(approvalStates)

const person = z.object({ id: z.string(), name: z.string() })

const approval = z.object({
  id: ref('approval'),
  zone_id: ref('zone'),
  state,
  application: z.object({ id: ref('application'), name: z.string() }),
  resource: z.object({ id: ref('resource'), identifier: z.string() }),
  scopes: z.array(z.string()),
  session_id: z.string().nullable(),
  user_id: z.string().nullable(),
  policy_set_version_id: z.string(),
  tier: z.string().meta({ description: 'The first of the tiers, as the client is told' }),
  tiers: z
    .array(
      z.object({
        tier: z.string(),
        approver: z.string(),
        quorum: z.int(),
        approvals: z.int().meta({ description: 'How many have approved so far' }),
        scopes: z.array(z.string()),
      }),
    )
    .meta({ description: 'What each tier asks for; all of them have to be met' }),
  decisions: z.array(
    z.object({
      approver: person,
      decision: z.enum(['approve', 'reject']),
      tiers: z.array(z.string()),
      reason: z.string().nullable(),
      at: z.iso.datetime(),
      lapsed_at: z.iso.datetime().nullable().meta({
        description: 'Since when it counts no longer: its person could not decide so now',
      }),
    }),
  ),
  reason: z.string().nullable().meta({ description: 'Why it was rejected' }),
  revision: z.int(),
  request_id: z.string().meta({ description: 'Request that was held: its audit trace' }),
  mandate_jti: z.string().nullable().meta({ description: 'The mandate that used it up' }),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  decided_at: z.iso.datetime().nullable(),
  consumed_at: z.iso.datetime().nullable(),
})

const reason = z.string().trim().min(1).max(limits.descriptionChars)
const all = '/v1/zones/:zone_id/approvals'
const one = `${all}/:approval_id`
const target = { approval_id: ref('approval') }

export const approvals = [
  operation({
    id: 'approvals.list',
    summary: 'List the step-up approvals of the zone, newest first',
    effect: 'read',
    input: z.strictObject({ ...page, state: state.optional() }),
    output: pageOf(approval),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'approvals.counts',
    summary: `Count the step-up approvals of the zone by state, each up to ${limits.holdsCounted}`,
    effect: 'read',
    input: z.strictObject({}),
    output: z.object(
      Object.fromEntries(approvalStates.map((name) => [name, z.int()])) as Record<
        (typeof approvalStates)[number],
        z.ZodInt
      >,
    ),
    route: ['GET', `${all}/counts`, 200],
  }),
  operation({
    id: 'approvals.get',
    summary: 'Read one step-up approval: what was asked for, and who has decided',
    effect: 'read',
    input: z.strictObject(target),
    output: approval,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'approvals.approve',
    summary: 'Approve a held request; with the quorum of every tier the client gets its token',
    effect: 'act',
    risk: 'high',
    capability: 'approve',
    versioned: false,
    input: z.strictObject({ ...target, reason: reason.optional() }),
    output: approval,
    route: ['POST', `${one}/approve`, 200],
  }),
  operation({
    id: 'approvals.reject',
    summary: 'Reject a held request with a reason that its client sees',
    effect: 'act',
    capability: 'approve',
    versioned: false,
    input: z.strictObject({ ...target, reason }),
    output: approval,
    route: ['POST', `${one}/reject`, 200],
  }),
] as const
