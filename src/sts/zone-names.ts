import { isId, type ZoneId } from '../kernel/ids.ts'
import { findZone } from '../store/zones.ts'
import type { StsContext } from './context.ts'
import { createRecent } from './recent.ts'

/** Finds the zone that a path names. */
export interface ZoneNames {
  /** By id or slug; null where there is none. */
  find(idOrSlug: string): Promise<ZoneId | null>
}

const knownZones = 10_000
const slugChars = 63

export function createZoneNames(context: Pick<StsContext, 'db'>): ZoneNames {
  // A zone is archived and never removed, and keeps its slug: what a name has once been found to
  // mean stays true. That nothing has a name does not, so it is asked each time.
  const known = createRecent<string, ZoneId>(knownZones)
  return {
    async find(idOrSlug) {
      const seen = known.get(idOrSlug)
      if (seen !== undefined) return seen
      if (!isId('zone', idOrSlug) && !isSlug(idOrSlug)) return null
      const zone = await context.db.transaction('*', (queries) => findZone(queries, idOrSlug))
      if (zone === undefined) return null
      const id = zone.id as ZoneId
      known.set(idOrSlug, id)
      return id
    },
  }
}

function isSlug(text: string): boolean {
  return text.length <= slugChars && /^[a-z0-9-]+$/.test(text)
}
