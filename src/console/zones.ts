import { CaracalError } from '../client/caracal-error.ts'
import { useLoad, type Loaded } from './loading.ts'
import { useSession } from './session.tsx'
import type { ZoneView } from './views.ts'

/** The zones a person can choose from; null where the token belongs to a single one. */
export interface Zones {
  readonly all: readonly ZoneView[] | null
}

export function useZones(): Loaded<Zones> {
  const { client } = useSession()
  return useLoad<Zones>('zones', async (signal) => {
    try {
      const all: ZoneView[] = []
      for await (const zone of client.zones.list.all({ limit: 500 }, { signal })) all.push(zone)
      return { all }
    } catch (error) {
      if (error instanceof CaracalError && error.code === 'global_scope_required')
        return { all: null }
      throw error
    }
  })
}
