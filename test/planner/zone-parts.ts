import { idPrefix, type IdKind } from '../../src/kernel/ids.ts'

export const created = '2026-11-01T09:00:00.000Z'

/** A well-formed id that a reader can tell apart by its number. */
export function idOf(kind: IdKind, number: number): string {
  return `${idPrefix[kind]}_${String(number).padStart(26, '0')}`
}

export const zoneId = idOf('zone', 1)

const governed = {
  zone_id: zoneId,
  revision: 7,
  created_at: created,
  updated_at: created,
  archived_at: null,
}

interface Governed {
  readonly id: string
  readonly zone_id: string
  readonly revision: number
  readonly created_at: string
  readonly updated_at: string
  readonly archived_at: null
  readonly name: string
}

interface ApplicationRow extends Governed {
  readonly kind: string
  readonly auth_method: string
  readonly jwks: null
  readonly labels: string[]
  readonly dpop_required: boolean
  readonly redirect_uris: string[]
  readonly expires_at: null
}

interface ResourceRow extends Governed {
  readonly identifier: string
  readonly scopes: readonly string[]
  readonly operations: unknown[]
  readonly upstream_url: string | null
  readonly credential_provider_id: string | null
}

interface ProviderRow extends Governed {
  readonly settings: Readonly<Record<string, unknown>>
  readonly has_secret: boolean
}

interface GrantRow extends Omit<Governed, 'name'> {
  readonly application_id: string
  readonly user_id: string | null
  readonly resource_id: string
  readonly scopes: readonly string[]
  readonly expires_at: string | null
}

interface PolicyVersionRow {
  readonly id: string
  readonly policy_id: string
  readonly number: number
  readonly language: string
  readonly source: string
  readonly documents: Readonly<Record<string, unknown>>
  readonly digest: string
  readonly created_at: string
}

interface PolicyRow extends Governed {
  readonly description: string
  readonly latest_version: PolicyVersionRow
}

interface PolicySetVersionRow {
  readonly id: string
  readonly policy_set_id: string
  readonly number: number
  readonly manifest: readonly { readonly policy_version_id: string }[]
  readonly digest: string
  readonly created_at: string
}

interface PolicySetRow extends Governed {
  readonly description: string
  readonly latest_version: PolicySetVersionRow
}

interface ZoneRow extends Omit<Governed, 'zone_id'> {
  readonly slug: string
  readonly system: boolean
  readonly dcr_enabled: boolean
  readonly active_policy_set_version_id: string | null
  readonly audit_retention_days: number | null
}

interface TemplateRow {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly language: string
  readonly source: string
}

/** A zone with everything in it that the planner reads. */
export interface ZoneFixture {
  readonly zone: ZoneRow
  readonly applications: readonly ApplicationRow[]
  readonly resources: readonly ResourceRow[]
  readonly providers: readonly ProviderRow[]
  readonly grants: readonly GrantRow[]
  readonly policies: readonly PolicyRow[]
  readonly policySets: readonly PolicySetRow[]
  readonly templates: readonly TemplateRow[]
  readonly plans: readonly Readonly<Record<string, unknown>>[]
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

export function application(
  number: number,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): ApplicationRow {
  return {
    id: idOf('application', number),
    ...governed,
    name,
    kind: 'managed',
    auth_method: 'client_secret',
    jwks: null,
    labels: [] as string[],
    dpop_required: false,
    redirect_uris: [] as string[],
    expires_at: null,
    ...more,
  }
}

export function resource(
  number: number,
  name: string,
  scopes: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): ResourceRow {
  return {
    id: idOf('resource', number),
    ...governed,
    name,
    identifier: `resource://${name.toLowerCase().replaceAll(' ', '-')}`,
    scopes,
    operations: [] as unknown[],
    upstream_url: null as string | null,
    credential_provider_id: null as string | null,
    ...more,
  }
}

export function grant(
  number: number,
  app: number,
  res: number,
  scopes: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): GrantRow {
  return {
    id: idOf('grant', number),
    ...governed,
    application_id: idOf('application', app),
    user_id: null as string | null,
    resource_id: idOf('resource', res),
    scopes,
    expires_at: null as string | null,
    ...more,
  }
}

export function policy(
  number: number,
  name: string,
  documents: Readonly<Record<string, unknown>>,
): PolicyRow {
  return {
    id: idOf('policy', number),
    ...governed,
    name,
    description: '',
    latest_version: {
      id: idOf('policyVersion', number),
      policy_id: idOf('policy', number),
      number: 1,
      language: 'json',
      source: JSON.stringify(documents),
      documents,
      digest: `sha256:${'0'.repeat(64)}`,
      created_at: created,
    },
  }
}

export function policySet(
  number: number,
  name: string,
  version: number,
  policies: readonly number[],
): PolicySetRow {
  return {
    id: idOf('policySet', number),
    ...governed,
    name,
    description: '',
    latest_version: {
      id: idOf('policySetVersion', number),
      policy_set_id: idOf('policySet', number),
      number: version,
      manifest: policies.map((one) => ({ policy_version_id: idOf('policyVersion', one) })),
      digest: `sha256:${'0'.repeat(64)}`,
      created_at: created,
    },
  }
}

/** A provider that has its secret. */
export function provider(
  number: number,
  name: string,
  settings: Readonly<Record<string, unknown>>,
): ProviderRow {
  return { id: idOf('provider', number), ...governed, name, settings, has_secret: true }
}
