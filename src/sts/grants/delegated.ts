import { refuse } from '../../kernel/faults.ts'
import { isId } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import { pathQuery, stateOfEdge, type DelegationEdge } from '../../store/delegations.ts'
import { endOfSessions, type Session } from '../../store/sessions.ts'
import type { Actor, MandateClaims, MandateTerms } from '../claims.ts'
import { decideDelegated } from '../decide-delegated.ts'
import type { Allowed } from '../decide-scopes.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { issue, resourceTerms, type Grant } from '../issue.ts'
import { readLive } from '../live-sessions.ts'
import { required, scopesAsked } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { actorAsked, agentClaims, requestedType } from '../session-tokens.ts'

type Path = readonly [DelegationEdge, ...DelegationEdge[]]
type Agent = MandateClaims & { readonly agent_session_id: string }

/**
 * A delegation becomes a mandate of the agent that it was lent to (RFC 8693 section 1.1): the edge is
 * on whose behalf, `actor_token` who acts. It is inside every edge of the path, and inside what the
 * zone decides for each application on it.
 */
export const delegated: Grant = {
  event: 'token.delegation',
  async run(exchange) {
    const { parameters } = exchange
    const id = required(parameters, 'subject_token')
    const resource = required(parameters, 'resource')
    required(parameters, 'actor_token')
    const actorToken = actorAsked(parameters) ?? ''
    const asked = scopesAsked(parameters)
    const issuedTokenType = requestedType(parameters)
    const facts = await readFacts(exchange, resource)
    const actor = await agentClaims(exchange, actorToken, facts.client.id)
    const path = await livePath(exchange, id)
    noteDelegation(exchange, actor, path)
    requireLentTo(path, actor)
    const chain = await readLive(exchange, [
      ...new Set([...path.map((edge) => edge.source_session_id), actor.agent_session_id]),
    ])
    const origin = subjectOf(path, chain)
    exchange.event.sessionId = origin.root_id
    const allowed = await decideDelegated(exchange, facts, asked, { path, origin })
    const terms = delegatedTerms(resourceTerms(facts.client, allowed), {
      actor,
      path,
      chain,
      origin,
    })
    const inside = bounded(terms, allowed, { actor, path, chain })
    return { ...issue(exchange, facts, inside, issuedTokenType), holds: allowed.holds }
  },
}

async function livePath({ parts, zone, nowMs }: Exchange, id: string): Promise<Path> {
  const rows = isId('edge', id)
    ? await parts.reader.read<DelegationEdge>(zone, pathQuery(zone, id))
    : []
  const [first, ...rest] = rows
  if (first === undefined)
    refuse('invalid_request', 'There is nothing of that id.', {
      details: { reason: 'subject_token_unknown' },
    })
  const path: Path = [first, ...rest]
  const states = path.map((edge) => stateOfEdge(edge, nowMs))
  for (const ended of ['revoked', 'expired'] as const)
    if (states.includes(ended))
      refuse('invalid_request', `The delegation is ${ended}, or one that it stands on.`, {
        details: { reason: `delegation_${ended}` },
      })
  return path
}

function noteDelegation({ event }: Exchange, actor: Agent, path: Path): void {
  diagnose(event, {
    agent_session: actor.agent_session_id,
    delegation_edge: lastOf(path).id,
    hops: path.length,
  })
}

function requireLentTo(path: Path, actor: Agent): void {
  const { target_application_id: application, target_session_id: session } = lastOf(path)
  if (
    application === actor.client_id &&
    (session ?? actor.agent_session_id) === actor.agent_session_id
  )
    return
  refuse('invalid_request', 'This delegation was lent to another agent.', {
    details: { reason: 'delegation_of_another_actor' },
  })
}

/** The agent session that lent first: it runs for whom the whole path acts. */
function subjectOf([first]: Path, chain: readonly Session[]): Session {
  const origin = chain.find(({ id }) => id === first.source_session_id)
  if (origin === undefined) throw new Error(`the source of ${first.id} is gone`)
  return origin
}

interface Standing {
  readonly actor: Agent
  readonly path: Path
  readonly chain: readonly Session[]
}

function delegatedTerms(
  terms: MandateTerms,
  { actor, path, origin }: Standing & { readonly origin: Session },
): MandateTerms {
  const sources = path.map((edge) => edge.source_session_id)
  const before = path.reduce<Actor | undefined>(
    (act, { source_session_id: sub, source_application_id: client_id }) =>
      actorOf({ sub, client_id: client_id as MandateClaims['client_id'] }, act),
    undefined,
  )
  return {
    ...terms,
    sub: origin.subject,
    sub_type: origin.sub_type,
    session: { sid: origin.root_id, rootSid: origin.root_id },
    act: actorOf({ sub: actor.agent_session_id, client_id: actor.client_id }, before),
    agent_session_id: actor.agent_session_id,
    delegation_edge_id: lastOf(path).id,
    delegation_path: path.map(({ id }) => id),
    delegation_chain: [...sources, actor.agent_session_id],
    hop_count: path.length,
  }
}

function actorOf(actor: Actor, act: Actor | undefined): Actor {
  return act === undefined ? actor : { ...actor, act }
}

/** It outlives nothing that it rests upon. */
function bounded(
  terms: MandateTerms,
  allowed: Allowed,
  { actor, path, chain }: Standing,
): MandateTerms {
  const ends = path.map(({ expires_at }) => expires_at.getTime())
  return {
    ...terms,
    lifetimeSeconds: Math.min(limits.mandateTtlSeconds, lastOf(path).ttl_seconds),
    endsAtMs: Math.min(allowed.endsAtMs, actor.exp * 1_000, endOfSessions(chain), ...ends),
  }
}

function lastOf(path: Path): DelegationEdge {
  return path.at(-1) ?? path[0]
}
