import { sql } from 'kysely'
import type { OutputOf } from '../../tools/catalogue.ts'
import { parseVerifierKey, signatureTypes } from '../audit/note.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { foldName } from '../kernel/names.ts'
import { archiveObject, insertObject, type ObjectRow } from '../store/objects.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { listObjects } from './list.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView } from './views.ts'

export function witnessHandlers(services: AdminServices): AdminHandlers<'witnesses'> {
  return {
    'witnesses.list': (tx, input) => listObjects(tx, 'witnesses', input, witnessView),

    async 'witnesses.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name)
      if (parseVerifierKey(input.verifier_key)?.type !== signatureTypes.cosignature)
        refuse('invalid_body', 'verifier_key is the line name+id+key of a cosigner (type 0x04).')
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from witnesses where zone_id = ${tx.zone} and archived_at is null
      `.execute(tx.queries)
      if ((rows[0]?.count ?? 0) >= limits.witnessesPerZone)
        refuse('limit_reached', `A zone has at most ${limits.witnessesPerZone} witnesses.`)
      const { name, verifier_key } = input
      const fields = { name, name_key: foldName(name), verifier_key }
      return witnessView(await insertObject(tx, 'witnesses', fields))
    },

    async 'witnesses.get'(tx, input) {
      return witnessView(await get(tx, 'witnesses', input.witness_id))
    },

    async 'witnesses.delete'(tx, input) {
      await archiveObject(tx, 'witnesses', await getLive(tx, 'witnesses', input.witness_id))
      return {}
    },
  }
}

function witnessView(row: ObjectRow<'witnesses'>): OutputOf<'witnesses.create'> {
  return { ...governedView(row), name: row.name, verifier_key: row.verifier_key }
}
