import { z } from 'zod'
import { governed, includeArchived, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const httpsUrl = z.url({ protocol: /^https$/ }).max(2_048)
const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/)

/** How a resource's upstream is authenticated to; the secret itself is set apart and never read. */
export const providerSettings = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('caracal_mandate') }),
  z.strictObject({
    kind: z.literal('oauth2_client_credentials'),
    token_url: httpsUrl,
    client_id: z.string().min(1).max(255),
    scopes: z.array(z.string().min(1).max(120)).max(64).default([]),
    audience: z.string().max(512).optional(),
  }),
  z.strictObject({
    kind: z.literal('oauth2_authorization_code'),
    authorization_url: httpsUrl,
    token_url: httpsUrl,
    client_id: z.string().min(1).max(255),
    scopes: z.array(z.string().min(1).max(120)).max(64).default([]),
  }),
  z.strictObject({
    kind: z.literal('api_key'),
    in: z.enum(['header', 'query']).default('header'),
    name: headerName.default('x-api-key'),
  }),
  z.strictObject({ kind: z.literal('bearer_token') }),
  z.strictObject({ kind: z.literal('http_basic'), username: z.string().min(1).max(255) }),
])

export const provider = z.object({
  ...governed('provider'),
  name: z.string(),
  settings: providerSettings,
  has_secret: z.boolean(),
})

const all = '/v1/zones/:zone_id/providers'
const one = `${all}/:provider_id`
const target = { provider_id: ref('provider') }

export const providers = [
  operation({
    id: 'providers.list',
    summary: 'List the credential providers of the zone',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(provider),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'providers.create',
    summary: 'Create a credential provider: how an upstream is authenticated to',
    effect: 'create',
    input: z.strictObject({ name, settings: providerSettings }),
    output: provider,
    route: ['POST', all, 201],
    inverse: 'providers.delete',
  }),
  operation({
    id: 'providers.get',
    summary: 'Read one credential provider, without its secret',
    effect: 'read',
    input: z.strictObject(target),
    output: provider,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'providers.patch',
    summary: 'Change the name or settings of a credential provider',
    effect: 'update',
    risk: 'medium',
    input: z.strictObject({
      ...target,
      name: name.optional(),
      settings: providerSettings.optional(),
    }),
    output: provider,
    route: ['PATCH', one, 200],
    inverse: 'providers.patch',
  }),
  operation({
    id: 'providers.set_secret',
    summary: 'Store the secret of a credential provider, sealed; it can never be read back',
    effect: 'update',
    risk: 'high',
    plannable: false,
    input: z.strictObject({
      ...target,
      secret: z.string().min(1).max(16_384).meta({ secret: true, description: 'The secret' }),
    }),
    output: provider,
    route: ['POST', `${one}/secret`, 200],
  }),
  operation({
    id: 'providers.delete',
    summary: 'Archive a credential provider that no resource uses',
    effect: 'delete',
    risk: 'medium',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
