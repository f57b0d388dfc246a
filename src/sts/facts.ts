import { refuse } from '../kernel/faults.ts'
import { isId } from '../kernel/ids.ts'
import { authorityOf, type Authority } from '../policy/authority.ts'
import { authorityQuery, type AuthorityRow, type AuthoritySubject } from '../store/authority.ts'
import { authenticate, presentedBy, type Client, type ClientsTaken } from './client.ts'
import { diagnose } from './draft-event.ts'
import type { Exchange } from './parts.ts'
import { admitClient } from './rates.ts'

/** What the database says about a request, read in one round trip, with its client believed. */
export interface Facts {
  readonly client: Client
  readonly authority: Authority
  /** The zone's active signing key. */
  readonly keyId: string | null
}

/**
 * Reads what decides on the request and authenticates its client. `resource` is an identifier or an
 * id. Refuses `invalid_client`, and every request in an archived zone.
 */
export async function readFacts(
  exchange: Exchange,
  resource: string | null,
  taken: ClientsTaken = 'authenticated',
): Promise<Facts> {
  const presented = presentedBy(exchange.authorization, exchange.parameters, taken)
  diagnose(exchange.event, { client_authentication: presented.method })
  admitClient(exchange, presented.clientId)
  const row = await readRow(exchange, {
    // What is not an id names no application, and costs no more than one that does.
    applicationId: isId('application', presented.clientId) ? presented.clientId : '',
    resource: resource === null ? null : named(resource),
  })
  const client = await authenticate(exchange, presented, row.application)
  if (row.zone_archived)
    refuse('invalid_request', 'This zone is archived: it mints nothing.', {
      details: { reason: 'zone_archived' },
    })
  const policy = await exchange.parts.documents.of(exchange.zone, row.version_id)
  if (row.version_id !== null) exchange.event.policySetVersionId = row.version_id
  return { client, authority: authorityOf(row, policy), keyId: row.key_id }
}

function named(resource: string): AuthoritySubject['resource'] {
  return isId('resource', resource) ? { id: resource } : { identifier: resource }
}

async function readRow(exchange: Exchange, subject: AuthoritySubject): Promise<AuthorityRow> {
  const { reader } = exchange.parts
  const query = authorityQuery(exchange.zone, subject)
  const [row] = await reader.read<AuthorityRow>(exchange.zone, query)
  // The endpoint has found the zone, and zones are never removed.
  if (row === undefined) throw new Error(`zone ${exchange.zone} is gone`)
  return row
}
