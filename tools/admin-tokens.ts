import { z } from 'zod'
import { name, nothing, page, pageOf, ref, timestamp } from './fields.ts'
import { operation } from './operation.ts'

const capabilities = z
  .array(z.enum(['read', 'write', 'approve', 'audit', 'owner']))
  .min(1)
  .refine((list) => new Set(list).size === list.length, 'must not repeat a capability')
  .meta({ description: 'What the token may do; write and owner include read' })

const adminToken = z.object({
  id: ref('adminToken'),
  principal_id: ref('principal'),
  principal_name: z.string(),
  principal_kind: z.enum(['person', 'automation']),
  zone_id: z.string().nullable().meta({ description: 'Null: every zone' }),
  capabilities: z.array(z.string()),
  revision: z.int(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
})

const secretToken = z.string().meta({ secret: true, description: 'Shown in this answer alone' })
const target = { admin_token_id: ref('adminToken') }
const one = '/v1/admin-tokens/:admin_token_id'

export const adminTokens = [
  operation({
    id: 'admin_tokens.list',
    summary: 'List the admin tokens, without their values',
    effect: 'read',
    capability: 'owner',
    place: 'platform',
    plannable: false,
    input: z.strictObject({ ...page }),
    output: pageOf(adminToken),
    route: ['GET', '/v1/admin-tokens', 200],
  }),
  operation({
    id: 'admin_tokens.create',
    summary: 'Create an admin token for a person or an automation',
    effect: 'create',
    risk: 'critical',
    capability: 'owner',
    place: 'platform',
    plannable: false,
    input: z.strictObject({
      principal_name: name,
      principal_kind: z.enum(['person', 'automation']),
      zone_id: ref('zone').optional(),
      capabilities,
      expires_at: timestamp.optional(),
    }),
    output: adminToken.extend({ token: secretToken }),
    route: ['POST', '/v1/admin-tokens', 201],
  }),
  operation({
    id: 'admin_tokens.rotate',
    summary: 'Replace the value of an admin token; the old one stops at once',
    effect: 'update',
    risk: 'high',
    capability: 'owner',
    place: 'platform',
    plannable: false,
    input: z.strictObject(target),
    output: adminToken.extend({ token: secretToken }),
    route: ['POST', `${one}/rotate`, 200],
  }),
  operation({
    id: 'admin_tokens.delete',
    summary: 'Revoke an admin token',
    effect: 'delete',
    risk: 'high',
    capability: 'owner',
    place: 'platform',
    plannable: false,
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
