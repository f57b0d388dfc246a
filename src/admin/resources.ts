import type { OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { foldName, slugOf } from '../kernel/names.ts'
import { liveGrantsOf } from '../store/grants.ts'
import { archiveObject, insertObject, updateObject, type ObjectRow } from '../store/objects.ts'
import type { Tx } from '../store/tx.ts'
import { equals, listObjects } from './list.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView } from './views.ts'

export function resourceHandlers(services: AdminServices): AdminHandlers<'resources'> {
  return {
    async 'resources.list'(tx, input) {
      return listObjects(tx, 'resources', input, resourceView, {
        name: equals('name_key', input.name && foldName(input.name)),
        identifier: equals('identifier', input.identifier),
      })
    },

    async 'resources.create'(tx, input) {
      const identifier = input.identifier ?? `resource://${slugOf(input.name)}`
      if (identifier === 'resource://')
        refuse('invalid_body', 'Give an identifier: none can be made from this name.')
      refuseReserved(tx.zone, services.system().zone, input.name, ...authorityOf(identifier))
      refuseUndeclared(input.scopes, input.operations)
      await checkProvider(tx, input.credential_provider_id)
      const row = await insertObject(tx, 'resources', {
        name: input.name,
        name_key: foldName(input.name),
        identifier,
        scopes: input.scopes,
        operations: input.operations,
        upstream_url: input.upstream_url ?? null,
        credential_provider_id: input.credential_provider_id ?? null,
      })
      return resourceView(row)
    },

    async 'resources.get'(tx, input) {
      return resourceView(await get(tx, 'resources', input.resource_id))
    },

    async 'resources.patch'(tx, input) {
      const { resource_id, name, ...rest } = input
      refuseReserved(tx.zone, services.system().zone, name ?? '')
      const current = await getLive(tx, 'resources', resource_id)
      refuseUndeclared(rest.scopes ?? current.scopes, rest.operations ?? current.operations)
      await checkProvider(tx, rest.credential_provider_id)
      const row = await updateObject(tx, 'resources', current, {
        ...(name !== undefined && { name, name_key: foldName(name) }),
        ...(rest.scopes !== undefined && { scopes: rest.scopes }),
        ...(rest.operations !== undefined && { operations: rest.operations }),
        ...(rest.upstream_url !== undefined && { upstream_url: rest.upstream_url }),
        ...(rest.credential_provider_id !== undefined && {
          credential_provider_id: rest.credential_provider_id,
        }),
      })
      return resourceView(row)
    },

    async 'resources.delete'(tx, input) {
      const current = await getLive(tx, 'resources', input.resource_id)
      await archiveObject(tx, 'resources', current)
      for (const grant of await liveGrantsOf(tx.queries, tx.zone, { resource_id: current.id }))
        await archiveObject(tx, 'grants', grant)
      return {}
    },
  }
}

/** The parts of a URI that could pass for a name: what follows the scheme, and its host alone. */
function authorityOf(identifier: string): string[] {
  const rest = unescaped(identifier.slice(identifier.indexOf(':') + 1)).replace(/^[/\\]+/, '')
  return [identifier, rest, rest.replace(/^[^/\\?]*@/, '')]
}

/** Percent escapes as the characters that they stand for; what is none stays as it is. */
function unescaped(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString(),
  )
}

function refuseUndeclared(
  scopes: readonly string[],
  operations: readonly { readonly scope: string }[],
): void {
  const unknown = operations.find((operation) => !scopes.includes(operation.scope))
  if (unknown !== undefined)
    refuse('unknown_scope', `An operation needs ${unknown.scope}, which the resource lacks.`, {
      details: { scope: unknown.scope, scopes },
    })
}

async function checkProvider(tx: Tx, id: string | null | undefined): Promise<void> {
  if (typeof id === 'string') await getLive(tx, 'providers', id)
}

function resourceView(row: ObjectRow<'resources'>): OutputOf<'resources.get'> {
  return {
    ...governedView(row),
    name: row.name,
    identifier: row.identifier,
    scopes: row.scopes,
    operations: row.operations as OutputOf<'resources.get'>['operations'],
    upstream_url: row.upstream_url,
    credential_provider_id: row.credential_provider_id,
  }
}
