import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import {
  description,
  governed,
  includeArchived,
  name,
  nothing,
  page,
  pageOf,
  ref,
  scope,
  timestamp,
  userId,
} from './fields.ts'
import { operation } from './operation.ts'
import { decision } from './decision.ts'

const manifest = z
  .array(z.strictObject({ policy_version_id: ref('policyVersion') }))
  .max(limits.manifestEntries)
  .meta({ description: 'The policy versions that decide together; empty means grants alone' })

const policySetVersion = z.object({
  id: ref('policySetVersion'),
  policy_set_id: ref('policySet'),
  number: z.int(),
  manifest: z.array(z.object({ policy_version_id: z.string() })),
  digest: z.string(),
  created_at: z.iso.datetime(),
})

export const policySet = z.object({
  ...governed('policySet'),
  name: z.string(),
  description: z.string(),
  latest_version: policySetVersion.nullable(),
})

const activation = z.object({
  version_id: z.string(),
  previous_version_id: z.string().nullable(),
  activated_at: z.iso.datetime(),
})

const replay = z.object({
  version_id: z.string(),
  replayed: z.int(),
  unreplayable: z.int().meta({ description: 'Events without facts' }),
  allow_to_deny: z.int(),
  deny_to_allow: z.int(),
  narrowed: z.int().meta({ description: 'Granted, with fewer scopes' }),
  widened: z.int(),
  flips: z
    .array(
      z.object({
        event_id: z.string(),
        request_id: z.string(),
        time: z.iso.datetime(),
        change: z.enum(['allow_to_deny', 'deny_to_allow', 'narrowed', 'widened']),
        application_id: z.string(),
        user_id: z.string().nullable(),
        resource_identifier: z.string().nullable(),
        scopes: z.array(z.string()),
        gained: z.array(z.string()),
        lost: z.array(z.string()),
        reason_before: z.string(),
        reason: z.string(),
        rules: z.array(z.string()),
        explanation: z.string(),
      }),
    )
    .meta({ description: 'The newest' }),
})

const all = '/v1/zones/:zone_id/policy-sets'
const one = `${all}/:policy_set_id`
const target = { policy_set_id: ref('policySet') }

export const policySets = [
  operation({
    id: 'policy_sets.list',
    summary: 'List the policy sets of the zone',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(policySet),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'policy_sets.create',
    summary: 'Create an empty policy set',
    effect: 'create',
    input: z.strictObject({ name, description: description.default('') }),
    output: policySet,
    route: ['POST', all, 201],
    inverse: 'policy_sets.delete',
  }),
  operation({
    id: 'policy_sets.get',
    summary: 'Read one policy set with its latest version',
    effect: 'read',
    input: z.strictObject(target),
    output: policySet,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'policy_sets.add_version',
    summary: 'Bundle policy versions into an immutable version of a policy set',
    effect: 'create',
    input: z.strictObject({ ...target, manifest }),
    output: policySetVersion,
    route: ['POST', `${one}/versions`, 201],
    inverse: 'policy_sets.add_version',
  }),
  operation({
    id: 'policy_sets.get_version',
    summary: 'Read one version of a policy set',
    effect: 'read',
    input: z.strictObject({ ...target, version_id: ref('policySetVersion') }),
    output: policySetVersion,
    route: ['GET', `${one}/versions/:version_id`, 200],
  }),
  operation({
    id: 'policy_sets.activate',
    summary: 'Make a policy set version the one that decides in the zone',
    effect: 'update',
    risk: 'high',
    input: z.strictObject({ ...target, version_id: ref('policySetVersion') }),
    output: activation,
    route: ['POST', `${one}/activate`, 200],
    inverse: 'policy_sets.rollback',
  }),
  operation({
    id: 'policy_sets.rollback',
    summary: 'Return to the policy set version that was active before, or to a named earlier one',
    effect: 'update',
    risk: 'high',
    input: z.strictObject({ ...target, version_id: ref('policySetVersion').optional() }),
    output: activation,
    route: ['POST', `${one}/rollback`, 200],
    inverse: 'policy_sets.activate',
  }),
  operation({
    id: 'policy_sets.activation_status',
    summary: 'Say which version decides in the zone and what was active before',
    effect: 'read',
    input: z.strictObject(target),
    output: z.object({
      active_version_id: z.string().nullable(),
      active_in_this_set: z.boolean(),
      history: z.array(activation),
    }),
    route: ['GET', `${one}/activation-status`, 200],
  }),
  operation({
    id: 'policy_sets.simulate',
    summary: 'Decide one request on a version of a policy set, active or not',
    effect: 'read',
    input: z.strictObject({
      ...target,
      version_id: ref('policySetVersion').optional(),
      input: z.strictObject({
        application_id: ref('application'),
        user_id: userId.optional(),
        resource_id: ref('resource'),
        scopes: z.array(scope).min(1).max(limits.scopesPerGrant),
        source_ip: z.union([z.ipv4(), z.ipv6()]).optional(),
        at: z.iso.datetime({ offset: true }).optional(),
      }),
    }),
    output: decision,
    route: ['POST', `${one}/simulate`, 200],
  }),
  operation({
    id: 'policy_sets.replay',
    summary: 'Take the recorded decisions of the zone again on a version, and list what flips',
    effect: 'read',
    input: z.strictObject({
      ...target,
      version_id: ref('policySetVersion').optional(),
      last: z
        .int()
        .min(1)
        .max(limits.replayDecisions)
        .default(limits.replayDecisions)
        .meta({ description: 'The newest so many' }),
      from: timestamp.optional(),
      to: timestamp.optional(),
    }),
    output: replay,
    route: ['POST', `${one}/replay`, 200],
  }),
  operation({
    id: 'policy_sets.delete',
    summary: 'Archive a policy set that is not active',
    effect: 'delete',
    risk: 'medium',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
