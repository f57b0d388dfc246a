import { readScopes } from '../../../tools/catalogue.ts'
import { lifetimes } from '../../../system-zone/lifetimes.ts'
import { conversationQuery, type ConversationFacts } from '../../store/control-facts.ts'
import {
  controlTerms,
  decideMandate,
  identityOf,
  noteRequester,
  requireFacts,
  requireSystemIssuer,
} from '../control-mandate.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { tokenTypes } from '../grant-types.ts'
import { issue, type Grant } from '../issue.ts'
import { required, scopesAsked } from '../parameters.ts'
import { requesterOf } from '../requester.ts'

/** What a conversation may do beside reading, by its mode: the token enforces it, not the prompt. */
const alsoInMode: Readonly<Record<ConversationFacts['mode'], readonly string[]>> = {
  ask: [],
  agent: ['plans:propose'],
}

/** A conversation becomes the Operator's mandate to read what its person may read (operator.md). */
export const readMandate: Grant = {
  event: 'token.read_mandate',
  async run(exchange) {
    requireSystemIssuer(exchange)
    const conversationId = required(exchange.parameters, 'subject_token')
    const asked = scopesAsked(exchange.parameters)
    const facts = await readFacts(exchange, null)
    const conversation = await requireFacts<ConversationFacts>(
      exchange,
      conversationQuery(conversationId),
    )
    const { zone, token } = conversation
    exchange.event.zone = zone.id
    noteRequester(exchange, token)
    diagnose(exchange.event, { conversation: conversation.id })
    const requester = requesterOf(token, {
      principalId: conversation.principal_id,
      zone: zone.id,
      nowMs: exchange.nowMs,
    })
    const identity = identityOf(exchange, facts.client)
    const granted = identity?.scopes ?? []
    const readable = [...readScopes, ...alsoInMode[conversation.mode]]
    const scopes = decideMandate(exchange, {
      client: identity?.client ?? facts.client.id,
      use: 'read',
      zone,
      requester,
      operator_grants: granted,
      requested: asked ?? commonTo(readable, granted, requester.scopes),
      read_scopes: readable,
      plan: null,
    })
    const terms = controlTerms(exchange, facts.client, token, {
      target: [zone.id],
      scopes,
      lifetimeSeconds: lifetimes.readMandateSeconds,
      conversation: conversation.id,
    })
    return issue(exchange, facts, terms, tokenTypes.accessToken)
  },
}

function commonTo(first: readonly string[], ...others: readonly (readonly string[])[]): string[] {
  return first.filter((scope) => others.every((scopes) => scopes.includes(scope)))
}
