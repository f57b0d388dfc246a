import { idPrefix, type IdKind } from '../../src/kernel/ids.ts'

export const created = '2026-11-01T09:00:00.000Z'

/** A well-formed id that a reader can tell apart by its number. */
export function idOf(kind: IdKind, number: number): string {
  return `${idPrefix[kind]}_${String(number).padStart(26, '0')}`
}

export const zoneId = idOf('zone', 1)

export const governed = {
  zone_id: zoneId,
  revision: 7,
  created_at: created,
  updated_at: created,
  archived_at: null,
}

export function application(
  number: number,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
) {
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
) {
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
) {
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

export function policy(number: number, name: string, documents: Readonly<Record<string, unknown>>) {
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
) {
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
