import { proposingTools } from '../../tools/mcp.ts'
import type { PlatformEvent } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import type { Clock } from '../kernel/clock.ts'
import { Fault, isFault } from '../kernel/faults.ts'
import { newId, type ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { ControlPrincipal, Principal } from '../gate/principal.ts'
import { actorOf } from '../gate/events.ts'
import type { Database } from '../store/database.ts'
import {
  findConversation,
  findReply,
  insertMessage,
  lastMessages,
  type ConversationRecord,
  type MessageRecord,
} from '../store/conversations.ts'
import { findZone, type Zone } from '../store/zones.ts'
import { remember, type Remembered } from './memory.ts'
import { messageView, type MessageView } from './conversations.ts'
import type { Budgets } from './budget.ts'
import type { Model, Turn, TurnEvent, TurnResult, TurnUsage } from './model/model.ts'
import type { PromptFacts } from './prompt.ts'
import type { OpenToolSession, ToolSession } from './tool-session.ts'
import { openMeter, type CountingMeter } from './usage.ts'

/** What a turn needs of the service. */
export interface TurnContext {
  readonly db: Database
  readonly clock: Clock
  readonly model: Model
  readonly timeZone: string
  readonly openTools: OpenToolSession
  readonly budgets: Budgets
  readonly log: {
    error(detail: object, message: string): void
    warn(detail: object, message: string): void
  }
  systemPrompt(facts: PromptFacts): string
  /** The STS's mandate to read for one conversation, and to propose in agent mode. */
  readMandate(
    conversationId: string,
    requestId: string,
    traceId?: string,
  ): Promise<ControlPrincipal>
}

export interface TurnRequest {
  readonly zone: ZoneId
  readonly principal: Principal
  readonly message: MessageView
  readonly requestId: string
  readonly traceId: string | undefined
  readonly signal: AbortSignal
  readonly emit: (event: TurnEvent) => void
}

/**
 * Answers one message: a mandate from the STS, the MCP tools with it, the model, and its reply kept
 * with one event. Sent again, the same message gets the same reply. A failure is a reply too.
 */
export async function answerMessage(
  context: TurnContext,
  request: TurnRequest,
): Promise<MessageView> {
  const before = await load(context, request)
  if (before.reply !== undefined) return messageView(before.reply)
  const plans: string[] = []
  const meter = openMeter(context, {
    zone: request.zone,
    conversationId: before.conversation.id,
    messageId: request.message.id,
    principalId: request.principal.id,
  })
  const outcome = await attempt(context, request, before, meter, plans)
  return keep(context, request, before.conversation, outcome, plans)
}

interface Loaded {
  readonly zone: Zone
  readonly conversation: ConversationRecord
  readonly history: readonly MessageRecord[]
  readonly reply: MessageRecord | undefined
}

async function load(context: TurnContext, request: TurnRequest): Promise<Loaded> {
  const { zone, principal, message } = request
  return context.db.transaction(zone, async (queries) => {
    const id = message.conversation_id
    const [found, conversation] = [
      await findZone(queries, zone),
      await findConversation(queries, zone, principal.id, id),
    ]
    if (found === undefined || conversation === undefined)
      throw new Fault('not_found', 'This conversation has been deleted.')
    const after = conversation.summarized_to
    const messages = await lastMessages(queries, id, limits.conversationMessages, after)
    const upTo = messages.findIndex((row) => row.id === message.id)
    const reply = await findReply(queries, message.id)
    return { zone: found, conversation, history: messages.slice(0, upTo + 1), reply }
  })
}

type Outcome =
  | { readonly ok: true; readonly result: TurnResult }
  | {
      readonly ok: false
      readonly fault: Fault
      readonly cancelled: boolean
      /** What was used of models all the same. */
      readonly usage: TurnUsage
    }

async function attempt(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  meter: CountingMeter,
  plans: string[],
): Promise<Outcome> {
  const { emit, signal } = request
  try {
    emit({ type: 'stage', stage: 'mandate' })
    const { conversation } = loaded
    const mandate = await context.readMandate(conversation.id, request.requestId, request.traceId)
    await using session = await context.openTools({
      principal: mandate,
      zone: request.zone,
      requestId: request.requestId,
      traceId: request.traceId,
    })
    emit({ type: 'stage', stage: 'thinking' })
    const said = request.message.text
    const past = { zone: request.zone, conversation, messages: loaded.history, said }
    const remembered = await remember(context, past, { meter, signal })
    const turn = turnOf(context, request, loaded, remembered, session, meter, plans)
    const result = await context.model.answer(turn)
    const metered = meter.total()
    // The meter knows of summaries and of tries that failed too; a model that calls nobody has none.
    return { ok: true, result: metered.calls > 0 ? { ...result, usage: metered } : result }
  } catch (error) {
    if (!isFault(error) && !signal.aborted)
      context.log.error({ err: error, requestId: request.requestId }, 'a turn failed')
    const fault = isFault(error)
      ? error
      : new Fault('model_unavailable', 'The answer could not be made; say it again.', {
          cause: error,
        })
    return { ok: false, fault, cancelled: signal.aborted, usage: meter.total() }
  }
}

function turnOf(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  remembered: Remembered,
  session: ToolSession,
  meter: CountingMeter,
  plans: string[],
): Turn {
  const { zone, conversation } = loaded
  const nowMs = context.clock.now()
  return {
    system: context.systemPrompt({
      zone: { id: zone.id, name: zone.name, slug: zone.slug },
      person: conversation.principal_name,
      mode: conversation.mode,
      nowMs,
      timeZone: context.timeZone,
    }),
    ...remembered,
    tools: session.tools,
    async call(name, args) {
      request.signal.throwIfAborted()
      const answer = await session.call(name, args)
      request.emit({ type: 'tool', name, ok: answer.ok })
      if (proposingTools.includes(name) && answer.ok && typeof answer.value.id === 'string') {
        plans.push(answer.value.id)
        request.emit({ type: 'plan', plan: answer.value })
      }
      return answer
    },
    emit: request.emit,
    meter,
    signal: request.signal,
    nowMs,
    timeZone: context.timeZone,
  }
}

async function keep(
  context: TurnContext,
  request: TurnRequest,
  conversation: ConversationRecord,
  outcome: Outcome,
  plans: readonly string[],
): Promise<MessageView> {
  const nowMs = context.clock.now()
  const now = new Date(nowMs)
  const words = outcome.ok
    ? { text: outcome.result.text, outcome: outcome.result.outcome }
    : {
        text: outcome.cancelled ? 'Stopped.' : outcome.fault.message,
        outcome: outcome.cancelled ? ('cancelled' as const) : ('failed' as const),
      }
  return context.db.transaction(request.zone, async (queries) => {
    const row = await insertMessage(
      queries,
      {
        id: newId('message', nowMs),
        zone_id: request.zone,
        conversation_id: conversation.id,
        role: 'operator',
        ...words,
        client_message_id: null,
        in_reply_to: request.message.id,
        plan_ids: [...plans],
        model: modelOf(context, outcome),
        usage: JSON.stringify(usageOf(outcome)),
        created_at: now,
      },
      now,
    )
    await recordEvents(queries, nowMs, [answerEvent(context, request, outcome, plans)])
    const kept = row ?? (await findReply(queries, request.message.id))
    if (kept === undefined) throw new Fault('not_found', 'This conversation has been deleted.')
    return messageView(kept)
  })
}

/** The model that answered; the first one where none did. */
function modelOf({ model }: TurnContext, outcome: Outcome): string {
  return (outcome.ok ? outcome.result.model : undefined) ?? model.name
}

function usageOf(outcome: Outcome): TurnUsage {
  return outcome.ok ? outcome.result.usage : outcome.usage
}

/** What the model was used for, by whom and how much; never a word of what was said. */
function answerEvent(
  context: TurnContext,
  request: TurnRequest,
  outcome: Outcome,
  plans: readonly string[],
): PlatformEvent {
  return {
    zone: request.zone,
    type: 'model.answer',
    outcome: outcome.ok ? 'allow' : 'failed',
    ...actorOf(request.principal),
    requestId: request.requestId,
    traceId: request.traceId,
    planId: plans.at(-1),
    reason: outcome.ok ? undefined : outcome.fault.code,
    diagnostics: {
      model: modelOf(context, outcome),
      offline: context.model.offline,
      conversation: request.message.conversation_id,
      usage: usageOf(outcome),
      ...(outcome.ok && { ended: outcome.result.outcome }),
    },
  }
}
