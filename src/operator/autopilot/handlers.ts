import type { OperationId } from '../../../tools/catalogue.ts'
import type { Handlers } from '../../gate/handler.ts'
import { conversationView, own } from '../conversation/conversations.ts'
import { optInto, optOut } from './opt-in.ts'
import { switchOff, switchOn, switchStatus } from './switch.ts'

type Own = Pick<
  Handlers,
  Extract<OperationId, `autopilot.${string}` | `conversations.autopilot_${string}`>
>

/** The switch of the installation, and the opting in of a conversation. */
export const autopilotHandlers: Own = {
  'autopilot.status': switchStatus,
  'autopilot.on': switchOn,
  'autopilot.off': switchOff,
  async 'conversations.autopilot_on'(call, input) {
    return conversationView(await optInto(call, await own(call, input.conversation_id)))
  },
  async 'conversations.autopilot_off'(call, input) {
    return conversationView(await optOut(call, await own(call, input.conversation_id)))
  },
}
