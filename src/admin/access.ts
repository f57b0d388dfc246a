import type { AdminHandlers, AdminServices } from './handlers.ts'
import { effectiveAccess } from './access-diff.ts'
import { decide } from './decide.ts'
import { get } from './lookup.ts'
import { decodeCursor, encodeCursor, refuseCursor } from '../store/pages.ts'

export function accessHandlers(services: AdminServices): AdminHandlers<'access'> {
  return {
    async 'access.list'(tx, input) {
      const { application_id, user_id, resource_id, scope } = input
      if (application_id !== undefined) await get(tx, 'applications', application_id)
      if (resource_id !== undefined) await get(tx, 'resources', resource_id)
      const tuples = await effectiveAccess(services.policy, tx, [
        {
          zone: tx.zone,
          all: application_id === undefined && resource_id === undefined,
          applications: new Set(application_id === undefined ? [] : [application_id]),
          resources: new Set(resource_id === undefined ? [] : [resource_id]),
          ...(user_id !== undefined && { user: user_id }),
        },
      ])
      const asked = tuples.filter(
        (tuple) =>
          (application_id === undefined || tuple.application_id === application_id) &&
          (resource_id === undefined || tuple.resource_id === resource_id) &&
          (scope === undefined || tuple.scope === scope),
      )
      const start = offsetOf(input.cursor)
      const end = start + input.limit
      return {
        items: asked.slice(start, end),
        next_cursor: end < asked.length ? encodeCursor('access', end) : null,
      }
    },

    'access.check': (tx, input) =>
      decide(services, tx, { ...input, nowMs: tx.nowMs, sourceIp: null }),
  }
}

function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const offset = decodeCursor('access', cursor)
  return typeof offset === 'number' && Number.isSafeInteger(offset) && offset > 0
    ? offset
    : refuseCursor()
}
