import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { decision } from './decision.ts'
import { page, pageOf, ref, scope, userId } from './fields.ts'
import { operation } from './operation.ts'

export const accessTuple = z.object({
  application_id: z.string(),
  application_name: z.string(),
  user_id: z.string().nullable().meta({ description: 'Null: the application itself' }),
  resource_id: z.string(),
  resource_identifier: z.string(),
  resource_name: z.string(),
  scope: z.string(),
  verdict: z.enum(['allow', 'approval', 'conditional']).meta({
    description:
      'approval: each use needs one. conditional: denied now, allowed where what it depends on does not deny',
  }),
  rules: z.array(z.string()).meta({ description: 'What determined it, such as grant:grt_...' }),
  depends_on: z.array(z.string()).optional().meta({
    description:
      'Conditions and custom policies that may answer otherwise elsewhen or elsewhere; with conditional also the approvals that are due then',
  }),
})

export const access = [
  operation({
    id: 'access.list',
    summary:
      'List who can do what: every effective application, user, resource and scope, with why',
    effect: 'read',
    input: z.strictObject({
      ...page,
      application_id: ref('application').optional(),
      user_id: userId.optional().meta({
        description: 'What may be done for this user',
      }),
      resource_id: ref('resource').optional(),
      scope: scope.optional(),
    }),
    output: pageOf(accessTuple),
    route: ['GET', '/v1/zones/:zone_id/access', 200],
  }),
  operation({
    id: 'access.check',
    summary: 'Say whether an application may use scopes on a resource now, and why or why not',
    effect: 'read',
    input: z.strictObject({
      application_id: ref('application'),
      user_id: userId.optional(),
      resource_id: ref('resource'),
      scopes: z.array(scope).min(1).max(limits.scopesPerGrant),
    }),
    output: decision,
    route: ['POST', '/v1/zones/:zone_id/access/check', 200],
  }),
] as const
