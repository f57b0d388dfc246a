import type { Call } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import { optIn, readSwitch } from '../../store/autopilot.ts'
import type { ConversationRecord } from '../../store/conversations.ts'

/** Opts a conversation in: its person lets their own approval be given where a plan proves harmless. */
export async function optInto(
  call: Call,
  conversation: ConversationRecord,
): Promise<ConversationRecord> {
  const { principal } = call
  if (principal.kind !== 'admin' || !principal.person)
    refuse('person_required', 'A person opts in to autopilot, for themselves.')
  if (conversation.mode !== 'agent')
    refuse('mode_is_ask', 'A conversation in ask mode makes no plans that autopilot could approve.')
  if (!(await readSwitch(call.queries)).enabled)
    refuse('autopilot_off', 'Autopilot is switched off on this installation.')
  return optIn(call.queries, conversation.id, principal.tokenId)
}

export function optOut(call: Call, conversation: ConversationRecord): Promise<ConversationRecord> {
  return optIn(call.queries, conversation.id, null)
}
