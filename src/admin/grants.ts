import { refuse } from '../kernel/faults.ts'
import { archiveObject, insertObject, updateObject } from '../store/objects.ts'
import type { Tx } from '../store/tx.ts'
import { equals, listObjects } from './list.ts'
import type { AdminHandlers } from './handlers.ts'
import { get, getLive } from './lookup.ts'
import { grantView } from './views.ts'

export function grantHandlers(): AdminHandlers<'grants'> {
  return {
    async 'grants.list'(tx, input) {
      if (input.application_id !== undefined) await get(tx, 'applications', input.application_id)
      if (input.resource_id !== undefined) await get(tx, 'resources', input.resource_id)
      return listObjects(tx, 'grants', input, grantView, {
        application: equals('application_id', input.application_id),
        resource: equals('resource_id', input.resource_id),
        user: equals('user_id', input.user_id),
      })
    },

    async 'grants.create'(tx, input) {
      await getLive(tx, 'applications', input.application_id)
      const resource = await getLive(tx, 'resources', input.resource_id)
      refuseForeign(input.scopes, resource)
      const row = await insertObject(tx, 'grants', {
        application_id: input.application_id,
        user_id: input.user_id ?? null,
        resource_id: input.resource_id,
        scopes: input.scopes,
        expires_at: futureDate(tx, input.expires_at),
      })
      return grantView(row)
    },

    async 'grants.get'(tx, input) {
      return grantView(await get(tx, 'grants', input.grant_id))
    },

    async 'grants.patch'(tx, input) {
      const current = await getLive(tx, 'grants', input.grant_id)
      if (input.scopes !== undefined)
        refuseForeign(input.scopes, await getLive(tx, 'resources', current.resource_id))
      const row = await updateObject(tx, 'grants', current, {
        ...(input.scopes !== undefined && { scopes: input.scopes }),
        ...(input.expires_at !== undefined && { expires_at: futureDate(tx, input.expires_at) }),
      })
      return grantView(row)
    },

    async 'grants.delete'(tx, input) {
      await archiveObject(tx, 'grants', await getLive(tx, 'grants', input.grant_id))
      return {}
    },
  }
}

function refuseForeign(
  scopes: readonly string[],
  resource: { readonly name: string; readonly scopes: readonly string[] },
): void {
  const unknown = scopes.filter((scope) => !resource.scopes.includes(scope))
  if (unknown.length > 0)
    refuse('unknown_scope', `${resource.name} has no scope ${unknown.join(', ')}.`, {
      details: { unknown, scopes: resource.scopes },
    })
}

/** An expiry in the past would be a grant of nothing that looks like one of something. */
function futureDate(tx: Tx, text: string | null | undefined): Date | null {
  if (text === undefined || text === null) return null
  const date = new Date(text)
  if (date.getTime() <= tx.nowMs)
    refuse('invalid_body', 'expires_at: must be in the future', {
      details: { issues: [{ path: 'expires_at', message: 'must be in the future' }] },
    })
  return date
}
