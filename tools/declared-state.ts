import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { description, labels, name, scopes, timestamp, userId } from './fields.ts'
import { applicationFields } from './applications.ts'
import { language, source } from './policies.ts'
import { providerSettings } from './providers.ts'
import { resourceFields } from './resources.ts'

function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).max(limits.zoneStateObjects).optional()
}

const held = z.union([
  name,
  z.strictObject({ policy: name, version: z.int().min(1) }),
  z.strictObject({ policy_version_id: z.string().max(80) }),
])

/**
 * What a zone is to say: objects by name, no ids and no secrets. What a file leaves out is left as it
 * is; with `prune`, objects of the kinds that it lists go where it does not name them.
 */
export const zoneState = z.strictObject({
  format: z.literal('caracal-zone/1'),
  prune: z.boolean().optional().meta({
    description: 'Whether objects go that are in the zone and not in the lists of the file',
  }),
  settings: z
    .strictObject({
      dcr_enabled: z.boolean().optional(),
      audit_retention_days: z.int().min(1).max(limits.auditRetentionDaysMax).nullable().optional(),
    })
    .optional(),
  providers: listOf(z.strictObject({ name, settings: providerSettings })),
  resources: listOf(
    z.strictObject({
      name,
      identifier: resourceFields.identifier.optional(),
      scopes,
      operations: resourceFields.operations.optional(),
      upstream_url: resourceFields.upstreamUrl.nullable().optional(),
      credential_provider: name.nullable().optional(),
    }),
  ),
  applications: listOf(
    z.strictObject({
      name,
      auth_method: applicationFields.authMethod.optional(),
      jwks: applicationFields.jwks.nullable().optional(),
      labels: labels.optional(),
      dpop_required: z.boolean().optional(),
      redirect_uris: applicationFields.redirectUris.optional(),
    }),
  ),
  policies: listOf(z.strictObject({ name, description: description.optional(), language, source })),
  policy_sets: listOf(
    z.strictObject({
      name,
      description: description.optional(),
      policies: z.array(held).max(limits.manifestEntries).optional().meta({
        description: 'What its latest version holds: policies by name, each in its latest version',
      }),
    }),
  ),
  active_policy_set: z
    .strictObject({ name, version: z.int().min(1).optional() })
    .nullable()
    .optional()
    .meta({ description: 'The policy set that decides, in its latest version' }),
  grants: listOf(
    z.strictObject({
      application: name,
      resource: name,
      user_id: userId.nullable().optional(),
      scopes,
      expires_at: timestamp.nullable().optional(),
    }),
  ),
})

/** With which operations each part of a declared state is brought about, and what names its object. */
export const stateOperations = {
  providers: {
    create: 'providers.create',
    patch: 'providers.patch',
    remove: 'providers.delete',
    id: 'provider_id',
  },
  resources: {
    create: 'resources.create',
    patch: 'resources.patch',
    remove: 'resources.delete',
    id: 'resource_id',
  },
  applications: {
    create: 'applications.create',
    patch: 'applications.patch',
    remove: 'applications.delete',
    id: 'application_id',
  },
  grants: {
    create: 'grants.create',
    patch: 'grants.patch',
    remove: 'grants.delete',
    id: 'grant_id',
  },
  policies: {
    create: 'policies.create',
    addVersion: 'policies.add_version',
    remove: 'policies.delete',
    id: 'policy_id',
  },
  policy_sets: {
    create: 'policy_sets.create',
    addVersion: 'policy_sets.add_version',
    remove: 'policy_sets.delete',
    activate: 'policy_sets.activate',
    id: 'policy_set_id',
  },
  settings: { patch: 'zones.patch' },
} as const
