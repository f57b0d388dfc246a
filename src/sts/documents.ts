import type { ZoneId } from '../kernel/ids.ts'
import { documentsOf } from '../policy/authority.ts'
import { emptyDocuments } from '../policy/bundle.ts'
import type { Documents } from '../policy/document-schemas.ts'
import type { StsContext } from './context.ts'
import { createRecent } from './recent.ts'

/** The documents of policy set versions that are committed, which never change again. */
export interface DocumentCache {
  of(zone: ZoneId, versionId: string | null): Promise<Documents>
}

const versionsKept = 500

/**
 * Only what this cache has read itself, outside of any change, gets in: a preview's version has an
 * id too, and is rolled back.
 */
export function createDocumentCache(context: Pick<StsContext, 'db'>): DocumentCache {
  const kept = createRecent<string, Documents>(versionsKept)
  return {
    async of(zone, versionId) {
      if (versionId === null) return emptyDocuments
      const seen = kept.get(versionId)
      if (seen !== undefined) return seen
      const read = await context.db.transaction(zone, (queries) => documentsOf(queries, versionId))
      kept.set(versionId, read)
      return read
    },
  }
}
