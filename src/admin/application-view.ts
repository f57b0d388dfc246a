import type { OutputOf } from '../../tools/catalogue.ts'
import type { ObjectRow } from '../store/objects.ts'
import { governedView, isoOrNull } from './views.ts'

export function applicationView(row: ObjectRow<'applications'>): OutputOf<'applications.get'> {
  return {
    ...governedView(row),
    name: row.name,
    kind: row.kind,
    auth_method: row.auth_method,
    jwks: row.jwks,
    labels: row.labels,
    dpop_required: row.dpop_required,
    redirect_uris: row.redirect_uris,
    expires_at: isoOrNull(row.expires_at),
  }
}
