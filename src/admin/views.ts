import type { OutputOf } from '../../tools/catalogue.ts'
import type { ObjectRow } from '../store/objects.ts'

type GovernedView = Pick<
  OutputOf<'grants.get'>,
  'id' | 'zone_id' | 'revision' | 'created_at' | 'updated_at' | 'archived_at'
>

/** The fields that every governed object shows. */
export function governedView(row: {
  readonly id: string
  readonly zone_id: string
  readonly revision: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly archived_at: Date | null
}): GovernedView {
  return {
    id: row.id,
    zone_id: row.zone_id,
    revision: row.revision,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    archived_at: isoOrNull(row.archived_at),
  }
}

export function isoOrNull(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}

export function grantView(row: ObjectRow<'grants'>): OutputOf<'grants.get'> {
  return {
    ...governedView(row),
    application_id: row.application_id,
    user_id: row.user_id,
    resource_id: row.resource_id,
    scopes: row.scopes,
    expires_at: isoOrNull(row.expires_at),
  }
}

export function policySetVersionView(
  row: ObjectRow<'policy_set_versions'>,
): OutputOf<'policy_sets.get_version'> {
  return {
    id: row.id,
    policy_set_id: row.policy_set_id,
    number: row.number,
    manifest: row.manifest,
    digest: row.digest,
    created_at: row.created_at.toISOString(),
  }
}
