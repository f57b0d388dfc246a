import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { governed, includeArchived, labels, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

/** The parameters of private and symmetric keys (RFC 7518 section 6): nobody hands those out. */
const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const publicKey = z
  .looseObject({ kty: z.string() })
  .refine((key) => !privateParts.some((part) => Object.hasOwn(key, part)), 'must be a public key')

const jwks = z
  .object({
    keys: z.array(publicKey).min(1).max(8),
  })
  .meta({ description: 'Public keys (RFC 7517) for private_key_jwt' })

/**
 * RFC 9700 section 2.1: compared exactly. Plain http leads to loopback alone, for native
 * applications (RFC 8252 section 7.3), whose port is the one thing that may differ.
 */
const redirectUri = z
  .string()
  .max(1_024)
  .refine((text) => {
    const url = URL.parse(text)
    if (url === null || /[#\s*]/.test(text) || url.username !== '' || url.password !== '')
      return false
    return (
      url.protocol === 'https:' ||
      (url.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname))
    )
  }, 'must be an https URL, or an http URL of this machine, without fragment, user and wildcard')

const redirectUris = z
  .array(redirectUri)
  .max(limits.redirectUrisPerApplication)
  .refine((list) => new Set(list).size === list.length, 'must not repeat a URI')
  .meta({ description: 'Where people who sign in are sent back to, compared exactly' })

const authMethod = z.enum(['client_secret', 'private_key_jwt', 'none']).meta({
  description: 'How it proves who it is; none: it cannot, so people sign in to it and no more',
})

/** Fields that a declared state has too. */
export const applicationFields = { authMethod, jwks, redirectUris } as const

export const application = z.object({
  ...governed('application'),
  name: z.string(),
  kind: z.enum(['managed', 'dcr']),
  auth_method: authMethod,
  jwks: jwks.nullable(),
  labels: z.array(z.string()),
  dpop_required: z.boolean(),
  redirect_uris: z.array(z.string()),
  expires_at: z.iso.datetime().nullable(),
})

const dpopRequired = z
  .boolean()
  .meta({ description: 'Whether it gets mandates bound to a key alone (DPoP, RFC 9449)' })

const clientSecret = z
  .string()
  .nullable()
  .meta({ secret: true, description: 'Shown in this answer alone; null for private_key_jwt' })

const all = '/v1/zones/:zone_id/applications'
const one = `${all}/:application_id`
const target = { application_id: ref('application') }

export const applications = [
  operation({
    id: 'applications.list',
    summary: 'List the applications of the zone',
    effect: 'read',
    input: z.strictObject({
      ...page,
      include_archived: includeArchived,
      name: z.string().optional().meta({ description: 'Exact name, compared after folding' }),
      label: z.string().optional(),
    }),
    output: pageOf(application),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'applications.create',
    summary: 'Register an application (a client or agent workload)',
    effect: 'create',
    input: z.strictObject({
      name,
      auth_method: authMethod.default('client_secret'),
      jwks: jwks.optional(),
      labels: labels.default([]),
      dpop_required: dpopRequired.default(false),
      redirect_uris: redirectUris.default([]),
    }),
    output: application.extend({ client_secret: clientSecret }),
    route: ['POST', all, 201],
    inverse: 'applications.delete',
  }),
  operation({
    id: 'applications.register',
    summary: 'Register a workload for an hour at the most, while the zone allows registration',
    effect: 'act',
    risk: 'medium',
    versioned: false,
    input: z.strictObject({
      name,
      expires_in: z
        .int()
        .min(1)
        .max(limits.dcrTtlSeconds)
        .default(limits.dcrTtlSeconds)
        .meta({ description: 'Seconds until it is no application any more' }),
      auth_method: z.enum(['client_secret', 'private_key_jwt']).default('client_secret'),
      jwks: jwks.optional(),
      dpop_required: dpopRequired.default(false),
    }),
    output: application.extend({ client_secret: clientSecret }),
    route: ['POST', `${all}/dcr`, 201],
  }),
  operation({
    id: 'applications.get',
    summary: 'Read one application',
    effect: 'read',
    input: z.strictObject(target),
    output: application,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'applications.patch',
    summary:
      'Change the name, labels, keys, redirect URIs or proof of possession of an application',
    effect: 'update',
    risk: 'medium',
    raises: [
      {
        field: 'dpop_required',
        matches: /^false$/,
        risk: 'high',
        reason: 'lets a stolen mandate be used by others',
      },
    ],
    input: z.strictObject({
      ...target,
      name: name.optional(),
      labels: labels.optional(),
      jwks: jwks.optional(),
      dpop_required: dpopRequired.optional(),
      redirect_uris: redirectUris.optional(),
    }),
    output: application,
    route: ['PATCH', one, 200],
    inverse: 'applications.patch',
  }),
  operation({
    id: 'applications.delete',
    summary: 'Archive an application: its grants end and it gets no mandate from then on',
    effect: 'delete',
    risk: 'high',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
  operation({
    id: 'applications.rotate_secret',
    summary: 'Replace the client secret of an application; the old one stops at once',
    effect: 'update',
    risk: 'high',
    input: z.strictObject(target),
    output: z.object({ id: ref('application'), client_secret: clientSecret }),
    route: ['POST', `${one}/rotate-secret`, 200],
  }),
] as const
