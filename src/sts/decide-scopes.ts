import { refuse } from '../kernel/faults.ts'
import { decisionInput } from '../policy/authority.ts'
import { explainDecision } from '../policy/explain.ts'
import type { Decision, DecisionInput } from '../policy/input.ts'
import { recordFacts } from '../policy/recorded-facts.ts'
import { diagnose } from './draft-event.ts'
import type { Facts } from './facts.ts'
import { holdOf } from './hold.ts'
import type { Exchange } from './parts.ts'
import { refusalOf } from './refusals-table.ts'
import { refuseHeld } from './refuse-held.ts'
import type { Subject } from './subject.ts'

/** A decision with what was decided on. */
type Decided = Decision & { readonly input: DecisionInput }

/** A client that stands for nobody else. */
const itself: Subject = { userId: null, sessionId: null, hops: 0 }

export interface Allowed {
  readonly resource: NonNullable<Facts['authority']['resource']>
  readonly scopes: readonly string[]
  /** When the first of the grants that the scopes rest upon ends, in Unix milliseconds. */
  readonly endsAtMs: number
  /** The approvals that released them, all of which the mandate uses up. */
  readonly holds: readonly string[]
}

/**
 * Decides on the scopes of the resource that were asked for: all of them, or a refusal that names
 * the missing ones. Without `asked` it is whatever the client holds, and a refusal where that is
 * nothing (RFC 6749 section 3.3). Where all that is missing is an approval, the request is held for
 * one; what the zone chooses itself leaves gated scopes out as long as there are others.
 */
export async function decideScopes(
  exchange: Exchange,
  facts: Facts,
  asked: readonly string[] | null,
  subject: Subject,
): Promise<Allowed> {
  const { resource } = facts.authority
  const scopes = asked ?? resource?.scopes ?? []
  const decision = await decide(exchange, facts, scopes, subject)
  const asking = asked === null ? 'held' : 'scopes'
  exchange.event.facts = recordFacts(decision.input, decision, asking, exchange.nowMs)
  const allowed = scopes.filter((scope) => decision.scopes[scope]?.verdict === 'allow')
  diagnose(exchange.event, {
    resource: resource?.id ?? null,
    requested: asked,
    missing: asked === null ? [] : decision.missing,
    risk: decision.risk,
    user: subject.userId,
    source_ip: exchange.sourceIp,
  })
  const isGranted = asked === null ? allowed.length > 0 : decision.allow
  if (isGranted && resource !== null)
    return allowedBy(exchange, facts, decision, { resource, scopes: allowed, holds: [] })
  const refused = asked === null ? await decideOnHeld(exchange, facts, decision, subject) : decision
  if (refused.reason !== 'approval_required' || resource === null)
    return refuseDecision(exchange, refused)
  return afterApproval(exchange, facts, refused, subject, resource)
}

/** The request waits, or goes on with the tiers that people have approved for it. */
async function afterApproval(
  exchange: Exchange,
  facts: Facts,
  decision: Decided,
  subject: Subject,
  resource: Allowed['resource'],
): Promise<Allowed> {
  const { obligations } = decision
  const { scopes } = decision.input
  const gated = { exchange, facts, subject, scopes, obligations }
  const held = await holdOf(gated)
  if (held.kind !== 'over')
    exchange.event.approvalIds = [...(exchange.event.approvalIds ?? []), held.hold.id]
  if (held.kind !== 'released') {
    noteRefusal(exchange, decision)
    return refuseHeld(gated, held)
  }
  const tiers = obligations.map(({ tier }) => tier)
  const released = await decide(exchange, facts, scopes, subject, tiers)
  exchange.event.facts = recordFacts(released.input, released, 'scopes', exchange.nowMs)
  if (!released.allow) return refuseDecision(exchange, released)
  diagnose(exchange.event, { approved: tiers })
  return allowedBy(exchange, facts, released, { resource, scopes, holds: [held.hold.id] })
}

function allowedBy(
  exchange: Exchange,
  facts: Facts,
  decision: Decision,
  allowed: Omit<Allowed, 'endsAtMs'>,
): Allowed {
  const { scopes } = allowed
  exchange.event.rules = [...new Set(scopes.flatMap((scope) => rulesOf(decision, scope)))]
  return { ...allowed, endsAtMs: endOf(facts, decision, scopes) }
}

/**
 * Where nobody has asked for the scopes that no grant names, they are not what is missing; and where
 * people could approve some of the others, it is those.
 */
async function decideOnHeld(
  exchange: Exchange,
  facts: Facts,
  decision: Decided,
  subject: Subject,
): Promise<Decided> {
  const { missing, scopes } = decision
  const gated = missing.filter((scope) => scopes[scope]?.verdict === 'approval')
  const held = missing.filter((scope) => scopes[scope]?.reason !== 'no_grant')
  const named = gated.length > 0 ? gated : held
  return named.length === 0 ? decision : decide(exchange, facts, named, subject)
}

/**
 * Decides on a session, which names no resource: past the gates of zone and principal, the contract
 * stops at the one that asks for the resource.
 */
export async function admitSession(
  exchange: Exchange,
  facts: Facts,
  subject: Subject = itself,
): Promise<void> {
  const decision = await decide(exchange, facts, [], subject)
  exchange.event.facts = recordFacts(decision.input, decision, 'session', exchange.nowMs)
  if (decision.reason !== 'resource_unknown') refuseDecision(exchange, decision)
}

async function decide(
  exchange: Exchange,
  facts: Facts,
  scopes: readonly string[],
  subject: Subject,
  approved: readonly string[] = [],
): Promise<Decided> {
  const input = decisionInput(facts.authority, {
    userId: subject.userId,
    scopes,
    nowMs: exchange.nowMs,
    sourceIp: exchange.sourceIp,
    hops: subject.hops,
    approved,
  })
  const { decisions } = exchange.parts
  return { input, ...(await decisions.of(facts.authority.custom, input)) }
}

function refuseDecision(exchange: Exchange, decision: Decided): never {
  const { reason, missing, obligations } = decision
  noteRefusal(exchange, decision)
  const { code, message } = refusalOf(reason)
  const named = decisive(decision)
  return refuse(code, message.endsWith('.') ? message : `${message}: ${named.join(' ')}`, {
    details: {
      reason,
      ...(missing.length === 0 ? {} : { missing }),
      ...(obligations.length === 0 ? {} : { obligations }),
    },
  })
}

/** The state moves on, so the event keeps what would have allowed it at the time. */
function noteRefusal(exchange: Exchange, decision: Decided): void {
  const { summary, smallest_change } = explainDecision(decision.input, decision)
  diagnose(exchange.event, { explanation: summary, smallest_change })
  exchange.event.rules = decision.rules
}

/** The scopes that were refused for the decision's reason; others may have reasons of their own. */
function decisive({ reason, missing, scopes }: Decision): readonly string[] {
  return missing.filter((scope) => scopes[scope]?.reason === reason)
}

function rulesOf(decision: Decision, scope: string): readonly string[] {
  return decision.scopes[scope]?.rules ?? []
}

/**
 * A mandate never outlives what it rests upon: for each scope the longest-lived of its grants, and
 * of those the one that ends first. A role lasts as long as its document, and an application as
 * long as it is registered for.
 */
function endOf(
  { client, authority }: Facts,
  decision: Decision,
  scopes: readonly string[],
): number {
  const ends = new Map(
    authority.grants.map(({ id, expiresAtMs }) => [`grant:${id}`, expiresAtMs ?? Infinity]),
  )
  return scopes
    .map((scope) => Math.max(...rulesOf(decision, scope).map((rule) => ends.get(rule) ?? Infinity)))
    .reduce((first, end) => Math.min(first, end), client.expires_at_ms ?? Infinity)
}
