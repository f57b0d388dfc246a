import { z } from 'zod'
import {
  governed,
  includeArchived,
  nothing,
  page,
  pageOf,
  ref,
  scopes,
  timestamp,
  userId,
} from './fields.ts'
import { operation, type RiskRule } from './operation.ts'

export const grant = z.object({
  ...governed('grant'),
  application_id: ref('application'),
  user_id: z.string().nullable(),
  resource_id: ref('resource'),
  scopes: z.array(z.string()),
  expires_at: z.iso.datetime().nullable(),
})

const all = '/v1/zones/:zone_id/grants'
const one = `${all}/:grant_id`
const target = { grant_id: ref('grant') }

const powerful: readonly RiskRule[] = [
  {
    field: 'scopes',
    matches: /(^|[:./])(admin|owner|manage|root|all|\*)$/i,
    risk: 'high',
    reason: 'grants an administrative scope',
  },
]

export const grants = [
  operation({
    id: 'grants.list',
    summary: 'List the grants of the zone, by application, resource or user',
    effect: 'read',
    input: z.strictObject({
      ...page,
      include_archived: includeArchived,
      application_id: ref('application').optional(),
      resource_id: ref('resource').optional(),
      user_id: userId.optional(),
    }),
    output: pageOf(grant),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'grants.create',
    summary: 'Grant an application scopes on a resource, optionally for one user and until a time',
    effect: 'create',
    risk: 'medium',
    raises: powerful,
    input: z.strictObject({
      application_id: ref('application'),
      user_id: userId.optional(),
      resource_id: ref('resource'),
      scopes,
      expires_at: timestamp.optional(),
    }),
    output: grant,
    route: ['POST', all, 201],
    inverse: 'grants.delete',
  }),
  operation({
    id: 'grants.get',
    summary: 'Read one grant',
    effect: 'read',
    input: z.strictObject(target),
    output: grant,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'grants.patch',
    summary: 'Change the scopes or the expiry of a grant',
    effect: 'update',
    risk: 'medium',
    raises: powerful,
    input: z.strictObject({
      ...target,
      scopes: scopes.optional(),
      expires_at: timestamp.nullable().optional(),
    }),
    output: grant,
    route: ['PATCH', one, 200],
    inverse: 'grants.patch',
  }),
  operation({
    id: 'grants.delete',
    summary: 'Revoke a grant: the next exchange is decided without it',
    effect: 'delete',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
    inverse: 'grants.create',
  }),
] as const
