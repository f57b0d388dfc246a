import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { page, pageOf, ref, scopes, timestamp } from './fields.ts'
import { operation } from './operation.ts'

const instant = z.iso.datetime()

const delegation = z.object({
  id: ref('edge'),
  zone_id: ref('zone'),
  parent_id: ref('edge').nullable(),
  path: z.array(ref('edge')).meta({ description: 'From the first edge to this one' }),
  source_session_id: ref('session'),
  source_application_id: ref('application'),
  target_application_id: ref('application'),
  target_session_id: ref('session').nullable(),
  resource_id: ref('resource'),
  scopes: z.array(z.string()),
  ttl_seconds: z.int(),
  max_hops: z.int(),
  state: z.enum(['active', 'revoked', 'expired']),
  created_at: instant,
  expires_at: instant,
  ended_at: instant.nullable(),
  end_reason: z.string().nullable(),
})

const all = '/v1/zones/:zone_id/delegations'
const one = `${all}/:edge_id`
const target = { edge_id: ref('edge') }

export const delegations = [
  operation({
    id: 'delegations.list',
    summary: 'List the delegations of the zone, newest first',
    effect: 'read',
    input: z.strictObject({
      ...page,
      state: delegation.shape.state.optional(),
      source_session_id: ref('session').optional(),
      target_application_id: ref('application').optional(),
      resource_id: ref('resource').optional(),
    }),
    output: pageOf(delegation),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'delegations.create',
    summary: 'Lend a part of its authority from the agent session that calls to another agent',
    effect: 'act',
    callers: 'agents',
    versioned: false,
    input: z.strictObject({
      parent_edge_id: ref('edge', 'The delegation to pass a part of on').optional(),
      target_application_id: ref('application').optional(),
      target_session_id: ref('session', 'The only agent session that may use it').optional(),
      resource_id: ref('resource').optional(),
      scopes,
      expires_at: timestamp.optional().meta({ description: 'In an hour when absent' }),
      ttl_seconds: z
        .int()
        .min(1)
        .max(limits.mandateTtlSeconds)
        .optional()
        .meta({ description: 'The longest life of a mandate that rests on it' }),
      max_hops: z
        .int()
        .min(0)
        .max(limits.delegationHops - 1)
        .default(0)
        .meta({ description: 'How often it may be passed on' }),
    }),
    output: delegation,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'delegations.get',
    summary: 'Read one delegation',
    effect: 'read',
    callers: 'both',
    input: z.strictObject(target),
    output: delegation,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'delegations.revoke',
    summary: 'Revoke a delegation and all that was passed on from it',
    effect: 'act',
    risk: 'medium',
    callers: 'both',
    versioned: false,
    input: z.strictObject(target),
    output: delegation,
    route: ['POST', `${one}/revoke`, 200],
  }),
] as const
