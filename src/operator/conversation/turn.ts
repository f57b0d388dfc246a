import { proposingTools } from '../../../tools/mcp.ts'
import { Fault, isFault } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import {
  findConversation,
  lastMessages,
  type ConversationRecord,
  type MessageRecord,
} from '../../store/conversations.ts'
import { plansOfRequests } from '../../store/plans.ts'
import { findZone, type Zone } from '../../store/zones.ts'
import { sourcesOf } from './citations.ts'
import { lookAtPlans } from './look-at-plans.ts'
import type { Turn, TurnResult } from '../model/model.ts'
import { remember, type Remembered } from './memory.ts'
import { keepReply, stoppedOutcome, type Outcome, type Traces } from './reply.ts'
import { RunLost } from './run-feed.ts'
import type { ToolSession } from './tool-session.ts'
import type { TurnContext, TurnRequest } from './turn-context.ts'
import { openMeter } from './usage.ts'

/**
 * Answers one message: a mandate from the STS, the MCP tools with it, the model, and its reply kept
 * with one event. A failure is a reply too. Throws {@link RunLost}, and keeps nothing, where another
 * has the run in hand by now.
 */
export async function answerMessage(context: TurnContext, request: TurnRequest): Promise<void> {
  const before = await load(context, request)
  const meter = openMeter(context, {
    zone: request.zone,
    conversationId: before.conversation.id,
    messageId: request.message.id,
    principalId: request.principal.id,
  })
  const sources = sourcesOf([before.zone.id, before.conversation.id, request.message.id])
  const traces: Traces = { plans: [...before.plans], sources, meter, calls: new Set() }
  const outcome = await attempt(context, request, before, traces)
  const stands = await flushed(request)
  const notes = outcome.ok && stands ? await lookAtPlans(context, request, traces.plans) : []
  if (notes.length > 0) await flushed(request)
  await keepReply(context, request, before.conversation, { outcome, traces, notes })
}

/** Whether the run still stands. What could not be written is missing from the stream alone. */
async function flushed({ confirm }: TurnRequest): Promise<boolean> {
  try {
    await confirm()
    return true
  } catch {
    return false
  }
}

interface Loaded {
  readonly zone: Zone
  readonly conversation: ConversationRecord
  readonly history: readonly MessageRecord[]
  /** What an earlier attempt had proposed before it broke off. */
  readonly plans: readonly string[]
}

async function load(context: TurnContext, request: TurnRequest): Promise<Loaded> {
  const { zone, principal, message, earlierRequests } = request
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
    const plans =
      earlierRequests.length === 0
        ? []
        : await plansOfRequests(queries, id, earlierRequests, new Date(message.created_at))
    return { zone: found, conversation, history: messages.slice(0, upTo + 1), plans }
  })
}

async function attempt(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  traces: Traces,
): Promise<Outcome> {
  const { signal, refusal } = request
  try {
    signal.throwIfAborted()
    if (refusal !== null) throw refusal
    if (loaded.plans.length > 0) return showAgain(request, loaded.plans)
    return { ok: true, result: await ask(context, request, loaded, traces) }
  } catch (error) {
    if (signal.reason instanceof RunLost) throw signal.reason
    if (signal.aborted) return stoppedOutcome
    if (isFault(error)) return { ok: false, code: error.code, text: error.message }
    context.log.error({ err: error, requestId: request.requestId }, 'a turn failed')
    const text = 'The answer could not be made; say it again.'
    return { ok: false, code: 'model_unavailable', text }
  }
}

/**
 * Plans that a process proposed before it died are shown and not proposed a second time; what more it
 * may have meant to do, nobody knows.
 */
function showAgain({ emit }: TurnRequest, plans: readonly string[]): Outcome {
  for (const id of plans) emit({ type: 'plan', plan: { id } })
  return {
    ok: true,
    result: {
      text: 'I was interrupted after this was proposed, and have not gone on: look at it, and say what is missing.',
      outcome: 'done',
      usage: { calls: 0, inputTokens: 0, outputTokens: 0 },
    },
  }
}

/** Asks the model. A stop is not kept waiting by it, only by the tool calls that are under way. */
async function ask(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  traces: Traces,
): Promise<TurnResult> {
  const { emit, signal } = request
  emit({ type: 'stage', stage: 'mandate' })
  const { conversation } = loaded
  const mandate = await context.readMandate(conversation.id, request.requestId, request.traceId)
  signal.throwIfAborted()
  await using session = await context.openTools({
    principal: mandate,
    zone: request.zone,
    requestId: request.requestId,
    traceId: request.traceId,
  })
  emit({ type: 'stage', stage: 'thinking' })
  const past = {
    zone: request.zone,
    conversation,
    messages: loaded.history,
    said: request.message.text,
  }
  const remembered = await remember(context, past, { meter: traces.meter, signal })
  const turn = turnOf(context, request, loaded, remembered, session, traces)
  try {
    return await Promise.race([context.model.answer(turn), stopped(signal)])
  } finally {
    await Promise.allSettled(traces.calls)
  }
}

function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function turnOf(
  context: TurnContext,
  request: TurnRequest,
  loaded: Loaded,
  remembered: Remembered,
  session: ToolSession,
  { plans, sources, meter, calls }: Traces,
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
      // Whoever was taken for dead, or stopped on another replica, must not propose any more.
      if (proposingTools.includes(name)) await request.confirm()
      const calling = session.call(name, args)
      calls.add(calling)
      const answer = await calling.finally(() => calls.delete(calling))
      request.emit({ type: 'tool', name, ok: answer.ok })
      if (answer.ok) sources.note(answer.value)
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
