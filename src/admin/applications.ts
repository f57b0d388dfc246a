import { sql } from 'kysely'
import { newSecret } from '../kernel/bearer-secret.ts'
import { refuse } from '../kernel/faults.ts'
import { foldName } from '../kernel/names.ts'
import { archiveApplication } from '../store/applications.ts'
import { insertObject, updateObject } from '../store/objects.ts'
import { applicationView } from './application-view.ts'
import { equals, listObjects } from './list.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { registrationHandlers } from './registration.ts'

export function applicationHandlers(services: AdminServices): AdminHandlers<'applications'> {
  return {
    ...registrationHandlers(services),

    async 'applications.list'(tx, input) {
      return listObjects(tx, 'applications', input, applicationView, {
        name: equals('name_key', input.name && foldName(input.name)),
        label: input.label !== undefined && sql`${input.label} = any(labels)`,
      })
    },

    async 'applications.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name, ...input.labels)
      if (input.auth_method === 'private_key_jwt' && input.jwks === undefined)
        refuse('invalid_body', 'private_key_jwt needs jwks: the public keys of the application.')
      const secret = input.auth_method === 'client_secret' ? newSecret('cs') : null
      const row = await insertObject(tx, 'applications', {
        name: input.name,
        name_key: foldName(input.name),
        kind: 'managed',
        auth_method: input.auth_method,
        secret_hash: secret?.hash ?? null,
        jwks: input.jwks ?? null,
        labels: input.labels,
        dpop_required: input.dpop_required,
        redirect_uris: input.redirect_uris,
        expires_at: null,
      })
      return { ...applicationView(row), client_secret: secret?.secret ?? null }
    },

    async 'applications.get'(tx, input) {
      return applicationView(await get(tx, 'applications', input.application_id))
    },

    async 'applications.patch'(tx, input) {
      const { name, labels, jwks, dpop_required, redirect_uris } = input
      refuseReserved(tx.zone, services.system().zone, ...(labels ?? []), name ?? '')
      const current = await getLive(tx, 'applications', input.application_id)
      const row = await updateObject(tx, 'applications', current, {
        ...(name !== undefined && { name, name_key: foldName(name) }),
        ...(labels !== undefined && { labels }),
        ...(jwks !== undefined && { jwks }),
        ...(dpop_required !== undefined && { dpop_required }),
        ...(redirect_uris !== undefined && { redirect_uris }),
      })
      return applicationView(row)
    },

    async 'applications.delete'(tx, input) {
      await archiveApplication(tx, await getLive(tx, 'applications', input.application_id))
      return {}
    },

    async 'applications.rotate_secret'(tx, input) {
      const current = await getLive(tx, 'applications', input.application_id)
      if (current.auth_method !== 'client_secret')
        refuse('conflict', 'This application does not authenticate by a secret, so it has none.')
      const { secret, hash } = newSecret('cs')
      await updateObject(tx, 'applications', current, { secret_hash: hash })
      return { id: current.id, client_secret: secret }
    },
  }
}
