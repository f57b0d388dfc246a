import { refuse } from '../kernel/faults.ts'
import { foldName } from '../kernel/names.ts'
import { archiveObject, insertObject, updateObject, type ObjectRow } from '../store/objects.ts'
import { resourcesUsing } from '../store/resources.ts'
import { providerSettings } from '../../tools/providers.ts'
import { listObjects } from './list.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView } from './views.ts'

export function providerHandlers(services: AdminServices): AdminHandlers<'providers'> {
  return {
    async 'providers.list'(tx, input) {
      return listObjects(tx, 'providers', input, providerView)
    },

    async 'providers.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name)
      const row = await insertObject(tx, 'providers', {
        name: input.name,
        name_key: foldName(input.name),
        settings: input.settings,
        sealed_secret: null,
      })
      return providerView(row)
    },

    async 'providers.get'(tx, input) {
      return providerView(await get(tx, 'providers', input.provider_id))
    },

    async 'providers.patch'(tx, input) {
      const { name, settings } = input
      refuseReserved(tx.zone, services.system().zone, name ?? '')
      const current = await getLive(tx, 'providers', input.provider_id)
      // A secret of one kind of credential must not be sent as another.
      const newKind = settings !== undefined && settings.kind !== current.settings.kind
      const row = await updateObject(tx, 'providers', current, {
        ...(name !== undefined && { name, name_key: foldName(name) }),
        ...(settings !== undefined && { settings }),
        ...(newKind && { sealed_secret: null }),
      })
      return providerView(row)
    },

    async 'providers.set_secret'(tx, input) {
      const current = await getLive(tx, 'providers', input.provider_id)
      const sealed = services.vault.seal(input.secret, `provider:${current.id}`)
      return providerView(await updateObject(tx, 'providers', current, { sealed_secret: sealed }))
    },

    async 'providers.delete'(tx, input) {
      const current = await getLive(tx, 'providers', input.provider_id)
      const users = await resourcesUsing(tx.queries, tx.zone, current.id)
      if (users.length > 0)
        refuse('in_use', 'Resources use this provider; detach it from them first.', {
          details: { resources: users.slice(0, 20) },
        })
      await archiveObject(tx, 'providers', current)
      return {}
    },
  }
}

function providerView(row: ObjectRow<'providers'>) {
  return {
    ...governedView(row),
    name: row.name,
    settings: providerSettings.parse(row.settings),
    has_secret: row.sealed_secret !== null,
  }
}
