import { refuse } from '../kernel/faults.ts'
import { authorityOf, type Authority } from '../policy/authority.ts'
import { authorityQuery, type AuthorityRow } from '../store/authority.ts'
import type { DelegationEdge } from '../store/delegations.ts'
import type { Session } from '../store/sessions.ts'
import { decideScopes, type Allowed } from './decide-scopes.ts'
import { diagnose } from './draft-event.ts'
import type { Facts } from './facts.ts'
import type { Exchange } from './parts.ts'

interface Delegation {
  readonly path: readonly [DelegationEdge, ...DelegationEdge[]]
  /** The agent session that lent first. */
  readonly origin: Session
}

/** An application on the path, with what it holds: its grants, or the edge that lends to it. */
interface Party {
  readonly application: string
  readonly lent: DelegationEdge | null
}

/**
 * Decides on a delegated mandate. Its authority is that of the application that lent first: its
 * grants, for the subject of its session, narrowed by every edge. The zone then decides for each
 * application on the path in turn, on no more than the one before was allowed, so that a confinement
 * or a condition keeps from a delegate what it keeps from it without a delegation. A delegation
 * gives what a grant would give, and never more.
 */
export async function decideDelegated(
  exchange: Exchange,
  facts: Facts,
  asked: readonly string[] | null,
  delegation: Delegation,
): Promise<Allowed> {
  const { path, origin } = delegation
  requireSameResource(facts, path)
  const lent = facts.authority.resource?.scopes.filter((scope) =>
    path.every(({ scopes }) => scopes.includes(scope)),
  )
  requireInside(exchange, asked, lent ?? [])
  const subject = {
    userId: origin.sub_type === 'user' ? origin.subject : null,
    sessionId: origin.id,
    hops: path.length,
  }
  const holds: string[] = []
  let scopes = lent ?? []
  let endsAtMs = Infinity
  const rules = new Set<string>()
  let allowed: Allowed | null = null
  for (const party of await readParties(exchange, facts, path)) {
    allowed = await decideScopes(exchange, narrowed(party, scopes), asked, subject).finally(() => {
      // What one application on the path was decided by does not replay the whole.
      exchange.event.facts = undefined
    })
    for (const rule of exchange.event.rules ?? []) rules.add(rule)
    holds.push(...allowed.holds)
    scopes = [...allowed.scopes]
    endsAtMs = Math.min(endsAtMs, allowed.endsAtMs)
  }
  if (allowed === null) throw new Error('a delegation has no application')
  exchange.event.rules = [...rules]
  return { ...allowed, endsAtMs, holds }
}

function requireSameResource({ authority }: Facts, [first]: Delegation['path']): void {
  if (authority.resource?.id !== first.resource_id)
    refuse('invalid_target', 'The delegation is about another resource.', {
      details: { reason: 'delegation_resource_mismatch' },
    })
}

function requireInside(
  { event }: Exchange,
  asked: readonly string[] | null,
  lent: readonly string[],
): void {
  const missing = asked?.filter((scope) => !lent.includes(scope)) ?? []
  if (missing.length === 0) return
  diagnose(event, { requested: asked, missing })
  refuse('access_denied', `The delegation does not lend: ${missing.join(' ')}`, {
    details: { reason: 'delegation_scope_exceeded', missing },
  })
}

/** Every application on the path once, the one that lent first first; its reads share a trip. */
async function readParties(
  exchange: Exchange,
  facts: Facts,
  path: Delegation['path'],
): Promise<readonly Facts[]> {
  const all: readonly Party[] = [
    { application: path[0].source_application_id, lent: null },
    ...path.map((edge) => ({ application: edge.target_application_id, lent: edge })),
  ]
  const inOrder = all.filter(
    ({ application }, at) => all.findIndex((party) => party.application === application) === at,
  )
  return Promise.all(inOrder.map((party) => readParty(exchange, facts, path[0].resource_id, party)))
}

async function readParty(
  { parts, zone }: Exchange,
  facts: Facts,
  resource: string,
  { application, lent }: Party,
): Promise<Facts> {
  const query = authorityQuery(zone, {
    applicationId: application,
    resource: { id: resource },
  })
  const [row] = await parts.reader.read<AuthorityRow>(zone, query)
  if (row?.application === null || row === undefined)
    throw new Error(`an application of a delegation is gone: ${application}`)
  const authority = authorityOf(row, facts.authority)
  return {
    client: row.application,
    keyId: facts.keyId,
    authority: lent === null ? authority : { ...authority, grants: [grantOf(lent)] },
  }
}

type GrantId = Authority['grants'][number]['id']

/** What was lent stands for a delegate where a grant would; rules name it `grant:edge_...`. */
function grantOf({ id, scopes, expires_at }: DelegationEdge): Authority['grants'][number] {
  return { id: id as GrantId, scopes, user: null, expiresAtMs: expires_at.getTime() }
}

function narrowed(facts: Facts, scopes: readonly string[]): Facts {
  const { resource } = facts.authority
  return {
    ...facts,
    authority: { ...facts.authority, resource: resource && { ...resource, scopes } },
  }
}
