import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import {
  governed,
  includeArchived,
  name,
  nothing,
  page,
  pageOf,
  ref,
  scope,
  scopes,
} from './fields.ts'
import { operation } from './operation.ts'

const identifier = z
  .string()
  .max(512)
  .regex(/^[a-z][a-z0-9+.-]*:[^\s#]+$/i, 'must be an absolute URI without a fragment (RFC 8707)')
  .meta({ description: 'Stable absolute URI; what clients name as `resource`' })

const operations = z
  .array(
    z.strictObject({
      method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
      path: z
        .string()
        .regex(/^\/[^\s?#]{0,511}$/, 'must be a path template such as /invoices/{id}'),
      scope,
    }),
  )
  .max(limits.operationsPerResource)
  .meta({ description: 'Which scope each method and path template needs' })

const upstreamUrl = z.url({ protocol: /^https?$/ }).max(2_048)

/** Fields that a declared state has too. */
export const resourceFields = { identifier, operations, upstreamUrl } as const

export const resource = z.object({
  ...governed('resource'),
  name: z.string(),
  identifier: z.string(),
  scopes: z.array(z.string()),
  operations,
  upstream_url: z.string().nullable(),
  credential_provider_id: z.string().nullable(),
})

const all = '/v1/zones/:zone_id/resources'
const one = `${all}/:resource_id`
const target = { resource_id: ref('resource') }

export const resources = [
  operation({
    id: 'resources.list',
    summary: 'List the protected resources of the zone',
    effect: 'read',
    input: z.strictObject({
      ...page,
      include_archived: includeArchived,
      name: z.string().optional().meta({ description: 'Exact name, compared after folding' }),
      identifier: z.string().optional(),
    }),
    output: pageOf(resource),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'resources.create',
    summary: 'Create a protected resource with its scopes',
    effect: 'create',
    input: z.strictObject({
      name,
      identifier: identifier.optional(),
      scopes,
      operations: operations.default([]),
      upstream_url: upstreamUrl.optional(),
      credential_provider_id: ref('provider').optional(),
    }),
    output: resource,
    route: ['POST', all, 201],
    inverse: 'resources.delete',
  }),
  operation({
    id: 'resources.get',
    summary: 'Read one resource',
    effect: 'read',
    input: z.strictObject(target),
    output: resource,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'resources.patch',
    summary: 'Change the name, scopes, operations or upstream of a resource',
    effect: 'update',
    risk: 'medium',
    input: z.strictObject({
      ...target,
      name: name.optional(),
      scopes: scopes.optional(),
      operations: operations.optional(),
      upstream_url: upstreamUrl.nullable().optional(),
      credential_provider_id: ref('provider').nullable().optional(),
    }),
    output: resource,
    route: ['PATCH', one, 200],
    inverse: 'resources.patch',
  }),
  operation({
    id: 'resources.delete',
    summary: 'Archive a resource: every grant on it ends',
    effect: 'delete',
    risk: 'high',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
