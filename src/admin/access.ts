import type { AdminHandlers, AdminServices } from './handlers.ts'
import { accessPage } from './access-pages.ts'
import { decide } from './decide.ts'
import { get } from './lookup.ts'

export function accessHandlers(services: AdminServices): AdminHandlers<'access'> {
  return {
    async 'access.list'(tx, input) {
      const { application_id, resource_id } = input
      if (application_id !== undefined) await get(tx, 'applications', application_id)
      if (resource_id !== undefined) await get(tx, 'resources', resource_id)
      return accessPage(services.policy, tx, input)
    },

    'access.check': (tx, input) =>
      decide(services, tx, { ...input, nowMs: tx.nowMs, sourceIp: null }),
  }
}
