import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { zoneState } from './declared-state.ts'
import { includeArchived, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

export const zone = z.object({
  id: ref('zone'),
  name: z.string(),
  slug: z.string(),
  system: z.boolean().meta({ description: 'Out of the reach of the Operator' }),
  dcr_enabled: z.boolean(),
  active_policy_set_version_id: z.string().nullable(),
  audit_retention_days: z.int().nullable(),
  revision: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  archived_at: z.iso.datetime().nullable(),
})

const slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens')
  .meta({ description: 'Short name in URLs, unique; made from the name when absent' })

const one = '/v1/zones/:zone_id'

export const zones = [
  operation({
    id: 'zones.list',
    summary: 'List the zones of this installation',
    effect: 'read',
    place: 'platform',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(zone),
    route: ['GET', '/v1/zones', 200],
  }),
  operation({
    id: 'zones.create',
    summary: 'Create a zone, optionally with the baseline policy set active',
    effect: 'create',
    risk: 'medium',
    place: 'platform',
    input: z.strictObject({
      name,
      slug: slug.optional(),
      baseline: z.boolean().default(false).meta({
        description: 'Activate the built-in baseline policy set: grants decide',
        byHand: true,
      }),
      dcr_enabled: z.boolean().default(false),
    }),
    output: zone,
    route: ['POST', '/v1/zones', 201],
    inverse: 'zones.delete',
  }),
  operation({
    id: 'zones.get',
    summary: 'Read one zone',
    effect: 'read',
    input: z.strictObject({}),
    output: zone,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'zones.patch',
    summary: 'Change the name of a zone, or whether workloads may register themselves in it',
    effect: 'update',
    risk: 'medium',
    raises: [
      {
        field: 'dcr_enabled',
        matches: /^true$/,
        risk: 'high',
        reason: 'lets workloads register themselves',
      },
      {
        field: 'audit_retention_days',
        matches: /^[0-9]+$/,
        risk: 'high',
        reason: 'lets bodies of audit events be removed',
      },
      {
        field: 'dcr_shutdown',
        matches: /^revoke_live$/,
        risk: 'high',
        reason: 'ends the workloads that have registered themselves',
      },
      {
        field: 'system',
        matches: /^false$/,
        risk: 'high',
        reason: 'brings the zone into the reach of the Operator',
      },
    ],
    input: z.strictObject({
      name: name.optional(),
      dcr_enabled: z.boolean().optional(),
      dcr_shutdown: z.enum(['keep_live', 'revoke_live']).optional().meta({
        description: 'What becomes of the live dcr applications where dcr_enabled is turned off',
      }),
      system: z
        .boolean()
        .optional()
        .meta({ description: 'Mark as a system zone, out of the reach of the Operator' }),
      audit_retention_days: z
        .int()
        .min(1)
        .max(limits.auditRetentionDaysMax)
        .nullable()
        .optional()
        .meta({ description: 'Days that bodies of audit events are kept; null: always' }),
    }),
    output: zone,
    route: ['PATCH', one, 200],
    inverse: 'zones.patch',
  }),
  operation({
    id: 'zones.delete',
    summary: 'Archive a zone: it mints nothing from then on',
    effect: 'delete',
    risk: 'critical',
    input: z.strictObject({}),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
  operation({
    id: 'zones.overview',
    summary: 'Count the objects of a zone and name its active policy set',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({
      zone,
      counts: z.object({
        applications: z.int(),
        resources: z.int(),
        providers: z.int(),
        grants: z.int(),
        policies: z.int(),
        policy_sets: z.int(),
        plans_awaiting_approval: z.int(),
      }),
      issuer: z.string(),
      token_endpoint: z.string(),
      jwks_uri: z.string(),
    }),
    route: ['GET', `${one}/overview`, 200],
  }),
  operation({
    id: 'zones.export',
    summary: 'Write what a zone says as a declared state: objects by name, without ids and secrets',
    effect: 'read',
    input: z.strictObject({}),
    output: zoneState,
    route: ['GET', `${one}/export`, 200],
  }),
  operation({
    id: 'zones.dcr_status',
    summary:
      'Say whether dynamic client registration is on and how many live dcr applications exist',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({ dcr_enabled: z.boolean(), live_applications: z.int() }),
    route: ['GET', `${one}/dcr-status`, 200],
  }),
  operation({
    id: 'zones.rotate_keys',
    summary:
      'Make a new signing key for a zone; the old one verifies until its tokens have expired',
    effect: 'update',
    risk: 'high',
    input: z.strictObject({
      at_once: z.boolean().default(false).meta({
        description: 'Sign with it before verifiers can have read it from the JWKS',
      }),
    }),
    output: z.object({
      kid: z.string(),
      signs_from: z.iso.datetime(),
      retired: z.array(z.string()),
    }),
    route: ['POST', `${one}/rotate-keys`, 200],
  }),
] as const
