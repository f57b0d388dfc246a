import { sql } from 'kysely'
import type { OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { isReserved, foldName } from '../kernel/names.ts'
import { newSecret } from '../kernel/bearer-secret.ts'
import {
  ensurePrincipal,
  findToken,
  insertToken,
  isLive,
  otherLiveOwners,
  readTokens,
  replaceTokenHash,
  revokeToken,
  type AdminToken,
} from '../store/principals.ts'
import type { Tx } from '../store/tx.ts'
import { findZone } from '../store/zones.ts'
import type { AdminHandlers } from './handlers.ts'
import { isoOrNull } from './views.ts'

export function adminTokenHandlers(): AdminHandlers<'admin_tokens'> {
  return {
    async 'admin_tokens.list'(tx, input) {
      const { rows, nextCursor } = await readTokens(tx.queries, input)
      return { items: rows.map(tokenView), next_cursor: nextCursor }
    },

    async 'admin_tokens.create'(tx, input) {
      if (isReserved(input.principal_name))
        refuse('reserved_namespace', 'Names under caracal.sys belong to the platform.')
      if (input.zone_id !== undefined) {
        const zone = await findZone(tx.queries, input.zone_id)
        if (zone === undefined) refuse('zone_not_found', 'There is no such zone.')
        if (input.capabilities.includes('owner'))
          refuse('capability_escalation', 'The owner capability has global scope only.')
      }
      const expires = input.expires_at === undefined ? null : new Date(input.expires_at)
      if (expires !== null && expires.getTime() <= tx.nowMs)
        refuse('invalid_body', 'expires_at: must be in the future')
      const principal = await ensurePrincipal(tx, {
        name: input.principal_name,
        name_key: foldName(input.principal_name),
        kind: input.principal_kind,
      })
      const { secret, hash } = newSecret('cat')
      const id = await insertToken(tx, {
        principal_id: principal.id,
        token_hash: hash,
        zone_id: input.zone_id ?? null,
        capabilities: input.capabilities,
        expires_at: expires,
      })
      const row = await existing(tx, id)
      noteTokenChange(tx, row, 'create')
      return { ...tokenView(row), token: secret }
    },

    async 'admin_tokens.rotate'(tx, input) {
      const row = await live(tx, input.admin_token_id)
      const { secret, hash } = newSecret('cat')
      await replaceTokenHash(tx, row.id, hash)
      noteTokenChange(tx, row, 'update')
      return { ...tokenView(await existing(tx, row.id)), token: secret }
    },

    async 'admin_tokens.delete'(tx, input) {
      const row = await live(tx, input.admin_token_id)
      if (row.capabilities.includes('owner') && !(await otherLiveOwners(tx, row.id)))
        refuse(
          'last_owner',
          'Nobody could manage admin tokens without this one; make another first.',
        )
      await revokeToken(tx, row.id)
      noteTokenChange(tx, row, 'archive')
      return {}
    },
  }
}

async function existing(tx: Tx, id: string): Promise<AdminToken> {
  const row = await findToken(tx.queries, id)
  return row ?? refuse('not_found', 'There is no such admin token.', { details: { id } })
}

async function live(tx: Tx, id: string): Promise<AdminToken> {
  await sql`select 1 from admin_tokens where id = ${id} for update`.execute(tx.queries)
  const row = await existing(tx, id)
  if (!isLive(row, tx.nowMs)) refuse('archived', 'This admin token is revoked or has expired.')
  return row
}

function noteTokenChange(tx: Tx, row: AdminToken, effect: 'create' | 'update' | 'archive'): void {
  const shown = {
    principal: row.principal_name,
    zone_id: row.zone_id,
    capabilities: row.capabilities,
    expires_at: isoOrNull(row.expires_at),
  }
  tx.changes.push({
    kind: 'adminToken',
    id: row.id,
    zoneId: tx.zone,
    name: row.principal_name,
    effect,
    before: effect === 'create' ? null : { ...shown, token: 'present' },
    after: effect === 'archive' ? null : { ...shown, token: 'generated at apply' },
  })
}

function tokenView(row: AdminToken): OutputOf<'admin_tokens.list'>['items'][number] {
  return {
    id: row.id,
    principal_id: row.principal_id,
    principal_name: row.principal_name,
    principal_kind: row.principal_kind,
    zone_id: row.zone_id,
    capabilities: row.capabilities,
    revision: row.revision,
    expires_at: isoOrNull(row.expires_at),
    last_used_at: isoOrNull(row.last_used_at),
    revoked_at: isoOrNull(row.revoked_at),
    created_at: row.created_at.toISOString(),
  }
}
