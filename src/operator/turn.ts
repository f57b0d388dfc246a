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
import type { CarriedOut } from './autopilot/carry-out.ts'
import type { Asked } from './autopilot/decide.ts'
import { messageView, type MessageView } from './conversations.ts'
import type { Model, Turn, TurnEvent, TurnResult } from './model/model.ts'
import type { OpenToolSession, ToolSession } from './tool-session.ts'

/** What a turn needs of the service. */
export interface TurnContext {
  readonly db: Database
  readonly clock: Clock
  readonly model: Model
  readonly timeZone: string
  readonly openTools: OpenToolSession
  readonly log: { error(detail: object, message: string): void }
  systemPrompt(facts: PromptFacts): string
  /** What autopilot does with a plan that the turn has made; null where it was not asked. */
  readonly carryOut: (asked: Asked) => Promise<CarriedOut | null>
  /** Has a plan of the turn reviewed, which may raise its risk; null: nobody reviews. */
  readonly review: ((asked: Asked, signal: AbortSignal) => Promise<CarriedOut | null>) | null
  /** The STS's mandate to read for one conversation, and to propose in agent mode. */
  readMandate(
    conversationId: string,
    requestId: string,
    traceId?: string,
  ): Promise<ControlPrincipal>
}

export interface PromptFacts {
  readonly zone: { readonly id: string; readonly name: string; readonly slug: string }
  readonly person: string
  readonly mode: 'ask' | 'agent'
  readonly nowMs: number
  readonly timeZone: string
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
  const outcome = await attempt(context, request, before, plans)
  const notes = outcome.ok ? await carryOutAll(context, request, plans) : []
  return keep(context, request, before.conversation, outcome, plans, notes)
}

/** Has the plans reviewed, and lets autopilot look at the plans of a turn that has gone well; what it did, in sentences. */
async function carryOutAll(
  context: TurnContext,
  request: TurnRequest,
  plans: readonly string[],
): Promise<readonly string[]> {
  const { zone, message, requestId, traceId, signal, emit } = request
  const notes: string[] = []
  for (const planId of new Set(plans)) {
    if (signal.aborted) break
    const asked = { zone, conversationId: message.conversation_id, planId, requestId, traceId }
    const done = await lookAt(context, asked, signal).catch((error: unknown) => {
      context.log.error({ err: error, requestId }, 'a plan was not looked at')
      return [{ note: `Plan ${planId} could not be looked at; decide on it.`, plan: null }]
    })
    notes.push(...done.map(({ note }) => note))
    for (const { plan } of done) if (plan !== null) emit({ type: 'plan', plan })
  }
  return notes
}

/** A review first: what it finds riskier, autopilot no longer approves. */
async function lookAt(
  context: TurnContext,
  asked: Asked,
  signal: AbortSignal,
): Promise<readonly CarriedOut[]> {
  const reviewed = (await context.review?.(asked, signal)) ?? null
  const carried = await context.carryOut(asked)
  return [reviewed, carried].filter((one) => one !== null)
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
    const messages = await lastMessages(queries, id, limits.conversationMessages)
    const upTo = messages.findIndex((row) => row.id === message.id)
    const reply = await findReply(queries, message.id)
    return { zone: found, conversation, history: messages.slice(0, upTo + 1), reply }
  })
}

type Outcome =
  | { readonly ok: true; readonly result: TurnResult }
  | { readonly ok: false; readonly fault: Fault; readonly cancelled: boolean }

async function attempt(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
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
    const turn = turnOf(context, request, loaded, session, plans)
    return { ok: true, result: await context.model.answer(turn) }
  } catch (error) {
    if (!isFault(error) && !signal.aborted)
      context.log.error({ err: error, requestId: request.requestId }, 'a turn failed')
    const fault = isFault(error)
      ? error
      : new Fault('model_unavailable', 'The answer could not be made; say it again.', {
          cause: error,
        })
    return { ok: false, fault, cancelled: signal.aborted }
  }
}

function turnOf(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  session: ToolSession,
  plans: string[],
): Turn {
  const { zone, conversation, history } = loaded
  const nowMs = context.clock.now()
  return {
    system: context.systemPrompt({
      zone: { id: zone.id, name: zone.name, slug: zone.slug },
      person: conversation.principal_name,
      mode: conversation.mode,
      nowMs,
      timeZone: context.timeZone,
    }),
    history: history.map(({ role, text }) => ({ role, text })),
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
  notes: readonly string[],
): Promise<MessageView> {
  const nowMs = context.clock.now()
  const now = new Date(nowMs)
  const words = outcome.ok
    ? { text: [outcome.result.text, ...notes].join('\n\n'), outcome: outcome.result.outcome }
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
        model: context.model.name,
        usage: JSON.stringify(outcome.ok ? outcome.result.usage : {}),
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
      model: context.model.name,
      offline: context.model.offline,
      conversation: request.message.conversation_id,
      ...(outcome.ok && { usage: outcome.result.usage, ended: outcome.result.outcome }),
    },
  }
}
