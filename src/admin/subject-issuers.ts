import { refuse } from '../kernel/faults.ts'
import { foldName } from '../kernel/names.ts'
import { insertObject, updateObject, type ObjectRow } from '../store/objects.ts'
import { archiveSubjectIssuer, subjectIssuerPurpose } from '../store/subject-issuers.ts'
import { listObjects } from './list.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView } from './views.ts'

export function subjectIssuerHandlers(services: AdminServices): AdminHandlers<'subject_issuers'> {
  return {
    async 'subject_issuers.list'(tx, input) {
      return listObjects(tx, 'subject_issuers', input, subjectIssuerView)
    },

    async 'subject_issuers.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name)
      refuseOwn(services, input.issuer)
      const row = await insertObject(tx, 'subject_issuers', {
        name: input.name,
        name_key: foldName(input.name),
        issuer: input.issuer,
        jwks_url: input.jwks_url,
        audience: input.audience,
        algorithms: input.algorithms,
        claims: input.claims,
        sign_in: input.sign_in,
        sealed_secret: null,
      })
      return subjectIssuerView(row)
    },

    async 'subject_issuers.get'(tx, input) {
      return subjectIssuerView(await get(tx, 'subject_issuers', input.subject_issuer_id))
    },

    async 'subject_issuers.patch'(tx, input) {
      const { name, jwks_url, audience, algorithms, sign_in } = input
      refuseReserved(tx.zone, services.system().zone, name ?? '')
      const current = await getLive(tx, 'subject_issuers', input.subject_issuer_id)
      // A secret that was set for one client must not be sent for another.
      const newClient = audience !== undefined && audience !== current.audience
      const row = await updateObject(tx, 'subject_issuers', current, {
        ...(name !== undefined && { name, name_key: foldName(name) }),
        ...(jwks_url !== undefined && { jwks_url }),
        ...(audience !== undefined && { audience }),
        ...(algorithms !== undefined && { algorithms }),
        ...(sign_in !== undefined && { sign_in }),
        ...(newClient && { sealed_secret: null }),
      })
      return subjectIssuerView(row)
    },

    async 'subject_issuers.set_secret'(tx, input) {
      const current = await getLive(tx, 'subject_issuers', input.subject_issuer_id)
      const sealed_secret = services.vault.seal(input.secret, subjectIssuerPurpose(current.id))
      return subjectIssuerView(
        await updateObject(tx, 'subject_issuers', current, { sealed_secret }),
      )
    },

    async 'subject_issuers.delete'(tx, input) {
      await archiveSubjectIssuer(tx, await getLive(tx, 'subject_issuers', input.subject_issuer_id))
      return {}
    },
  }
}

/** A mandate says what may be done, never who somebody is: no zone vouches for users of another. */
function refuseOwn(services: AdminServices, issuer: string): void {
  const own = `${services.issuerBase()}/`.toLowerCase()
  if (`${issuer}/`.toLowerCase().startsWith(own))
    refuse(
      'conflict',
      'A zone of this service is no subject issuer: its mandates are no id_tokens.',
    )
}

function subjectIssuerView(row: ObjectRow<'subject_issuers'>) {
  return {
    ...governedView(row),
    name: row.name,
    issuer: row.issuer,
    jwks_url: row.jwks_url,
    audience: row.audience,
    algorithms: row.algorithms,
    claims: row.claims,
    sign_in: row.sign_in,
    has_secret: row.sealed_secret !== null,
  }
}
