import type { ZoneId } from '../kernel/ids.ts'
import { emptyPolicy, policyOf } from '../policy/authority.ts'
import type { VersionPolicy } from '../policy/custom-policies.ts'
import type { StsContext } from './context.ts'
import { createRecent } from './recent.ts'

/** What policy set versions say that are committed: they never change again. */
export interface DocumentCache {
  of(zone: ZoneId, versionId: string | null): Promise<VersionPolicy>
}

const versionsKept = 500

/**
 * Only what this cache has read itself, outside of any change, gets in: a preview's version has an
 * id too, and is rolled back.
 */
export function createDocumentCache(context: Pick<StsContext, 'db'>): DocumentCache {
  const kept = createRecent<string, VersionPolicy>(versionsKept)
  return {
    async of(zone, versionId) {
      if (versionId === null) return emptyPolicy
      const seen = kept.get(versionId)
      if (seen !== undefined) return seen
      const read = await context.db.transaction(zone, (queries) =>
        policyOf(queries, versionId, (work) => context.db.transaction(zone, work)),
      )
      kept.set(versionId, read)
      return read
    },
  }
}
