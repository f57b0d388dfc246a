import type { PlatformEvent } from '../../audit/event.ts'
import { recordEvents } from '../../audit/record.ts'
import { actorOf } from '../../gate/events.ts'
import type { FaultCode } from '../../kernel/faults.ts'
import { newId } from '../../kernel/ids.ts'
import {
  insertMessage,
  type ConversationRecord,
  type MessageRecord,
} from '../../store/conversations.ts'
import type { Sources } from './citations.ts'
import type { TurnResult, TurnUsage } from '../model/model.ts'
import { RunLost } from './run-feed.ts'
import type { TurnContext, TurnRequest } from './turn-context.ts'
import type { CountingMeter } from './usage.ts'

/** What a turn leaves behind while it runs. */
export interface Traces {
  readonly plans: string[]
  readonly sources: Sources
  readonly meter: CountingMeter
  /** Tool calls under way. */
  readonly calls: Set<Promise<unknown>>
}

export type Outcome =
  | { readonly ok: true; readonly result: TurnResult }
  | {
      readonly ok: false
      readonly code: FaultCode | 'cancelled'
      readonly text: string
    }

/** What comes of a turn that its person has stopped. */
export const stoppedOutcome: Outcome = { ok: false, code: 'cancelled', text: 'Stopped.' }

/** What a turn has come to. */
interface Made {
  readonly outcome: Outcome
  readonly traces: Omit<Traces, 'calls'>
  /** What autopilot did with the plans, in sentences. */
  readonly notes: readonly string[]
}

/** Ends the run, and keeps the reply with its event. Throws {@link RunLost} where others have the run. */
export async function keepReply(
  context: TurnContext,
  request: TurnRequest,
  conversation: ConversationRecord,
  { outcome: made, traces, notes }: Made,
): Promise<void> {
  const nowMs = context.clock.now()
  const now = new Date(nowMs)
  const usage = usageOf(made, traces.meter)
  await context.db.transaction(request.zone, async (queries) => {
    const run = await request.end(queries)
    if (run === null) throw new RunLost()
    // Whoever was told that it is stopped must find it so, even where the answer came first.
    const outcome = run.cancelled ? stoppedOutcome : made
    await insertMessage(
      queries,
      {
        id: newId('message', nowMs),
        zone_id: request.zone,
        conversation_id: conversation.id,
        role: 'operator',
        ...wordsOf(outcome, notes),
        client_message_id: null,
        in_reply_to: request.message.id,
        plan_ids: traces.plans,
        model: modelOf(context, made),
        ...citedBy(outcome, traces.sources),
        usage: JSON.stringify(usage),
        created_at: now,
      },
      now,
    )
    await recordEvents(queries, nowMs, [answerEvent(context, request, { outcome, traces, usage })])
  })
}

/** What autopilot did is said however the turn ended. */
function wordsOf(
  outcome: Outcome,
  notes: readonly string[],
): Pick<MessageRecord, 'text' | 'outcome'> {
  const text = [outcome.ok ? outcome.result.text : outcome.text, ...notes].join('\n\n')
  if (outcome.ok) return { text, outcome: outcome.result.outcome }
  return { text, outcome: outcome.code === 'cancelled' ? 'cancelled' : 'failed' }
}

function citedBy(outcome: Outcome, sources: Sources) {
  const { citations, unverifiedIds } = sources.citedBy(outcome.ok ? outcome.result.text : '')
  return {
    citations: JSON.stringify(outcome.ok ? citations : []),
    unverified_ids: [...unverifiedIds],
  }
}

/** The model that answered; the first one where none did. */
function modelOf({ model }: TurnContext, outcome: Outcome): string {
  return (outcome.ok ? outcome.result.model : undefined) ?? model.name
}

/** The meter knows of summaries and of tries that failed too; a model that calls nobody has none. */
function usageOf(outcome: Outcome, meter: CountingMeter): TurnUsage {
  const metered = meter.total()
  return outcome.ok && metered.calls === 0 ? outcome.result.usage : metered
}

/** What the model was used for, by whom and how much; never a word of what was said. */
function answerEvent(
  context: TurnContext,
  request: TurnRequest,
  {
    outcome,
    traces,
    usage,
  }: Pick<Made, 'outcome' | 'traces'> & {
    readonly usage: TurnUsage
  },
): PlatformEvent {
  return {
    zone: request.zone,
    type: 'model.answer',
    outcome: outcome.ok ? 'allow' : 'failed',
    ...actorOf(request.principal),
    requestId: request.requestId,
    traceId: request.traceId,
    planId: traces.plans.at(-1),
    reason: outcome.ok ? undefined : outcome.code,
    diagnostics: {
      model: modelOf(context, outcome),
      offline: context.model.offline,
      conversation: request.message.conversation_id,
      usage,
      ...(outcome.ok && { ended: outcome.result.outcome }),
    },
  }
}
