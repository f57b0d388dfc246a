import type { AdminClient } from '../client/admin-client.ts'
import { approvalHint, approveAndApply, confirm, refusalOf, renderApplied } from './decide-plan.ts'
import type { Decided } from './decide-plan.ts'
import { exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { openConversation } from './open-conversation.ts'
import { approvalText, declined } from './plan-commands.ts'
import type { PlanView } from './plan-view.ts'
import { renderSaid, say, type Said } from './say.ts'
import type { Session } from './session.ts'

export interface AskOptions {
  readonly mode?: string
  /** Id of the conversation to go on with. */
  readonly conversation?: string
  /** Go on with the latest conversation of the zone. */
  readonly continue?: boolean
  /** Opt the conversation in to autopilot. */
  readonly autopilot?: boolean
  /** Approve and apply without being asked. */
  readonly yes?: boolean
  readonly reason?: string
}

/** `caracal ask "words"`: an answer, or a plan that is shown, decided on and applied. */
export async function ask(
  session: Session,
  words: readonly string[],
  options: AskOptions,
): Promise<ExitCode> {
  const { io, zone } = session
  const given = words.join(' ').trim()
  const text = given === '-' ? (await io.readInput()).trim() : given
  if (text === '')
    throw usage('Say what you want.', 'For example: caracal ask "who can read invoices?"')
  const client = session.client()
  const conversation = await conversationOf(client, zone, text, options)
  const said = await say(client, zone, conversation, text, io)
  const plan = said.plans.at(-1)
  if (!session.json) io.out(`${renderSaid(said, io)}${plan === undefined ? '' : '\n'}`)
  if (plan === undefined) return answered(session, said, conversation)
  return decide(session, said, plan, options)
}

async function conversationOf(
  client: AdminClient,
  zone: string,
  text: string,
  options: AskOptions,
): Promise<string> {
  if (options.conversation !== undefined) return options.conversation
  if (options.continue === true) {
    let latest: { id: string; updated_at: string } | undefined
    for await (const one of client.conversations.list.all(zone))
      if (latest === undefined || one.updated_at > latest.updated_at) latest = one
    if (latest !== undefined) return latest.id
  }
  const mode = options.mode ?? 'agent'
  if (mode !== 'ask' && mode !== 'agent') throw usage('--mode takes ask or agent.')
  const title = text.replace(/\s+/g, ' ').slice(0, titleChars)
  return openConversation(client, zone, { mode, title, autopilot: options.autopilot === true })
}

const titleChars = 80

/** An answer without a plan: the exit code says whether it was one. */
function answered(session: Session, { message }: Said, conversation: string): ExitCode {
  const { io, json } = session
  if (json) {
    io.out(JSON.stringify({ ...wordsOf(message), conversation_id: conversation }, null, 2))
  }
  if (message.outcome === 'question') {
    if (!json) io.note(`\nAnswer with: caracal ask --conversation ${conversation} "..."`)
    return exitCodes.question
  }
  return message.outcome === 'done' ? exitCodes.done : exitCodes.failure
}

async function decide(
  session: Session,
  said: Said,
  plan: PlanView,
  options: AskOptions,
): Promise<ExitCode> {
  const { io, json, zone } = session
  if (plan.state === 'applied') {
    if (json) io.out(planJson(plan, said))
    return exitCodes.done
  }
  const refusal = refusalOf(plan)
  if (refusal !== null || plan.digest === null) {
    if (json) io.out(planJson(plan, said))
    else if (refusal !== null) io.note(io.paint.red(refusal.message))
    return exitCodes.refused
  }
  if (options.yes !== true && !(await agreed(session, plan))) {
    if (!io.interactive) {
      if (json) io.out(planJson(plan, said))
      io.note(approvalHint(plan))
      return exitCodes.approvalNeeded
    }
    throw declined(plan)
  }
  const decision = { digest: plan.digest, reason: options.reason ?? null }
  const decided = await approveAndApply(session.client(), zone, plan, decision, io)
  if (json) io.out(planJson(planAfter(decided), said, decided))
  else
    io.out(decided.outcome === 'applied' ? renderApplied(decided, io) : approvalText(decided.plan))
  return decided.outcome === 'applied' ? exitCodes.done : exitCodes.approvalNeeded
}

async function agreed({ io }: Session, plan: PlanView): Promise<boolean> {
  if (!io.interactive) return false
  return confirm(io, plan.state === 'approved' ? 'Apply?' : 'Approve and apply?')
}

function planAfter(decided: Decided): PlanView {
  return decided.outcome === 'applied' ? decided.applied.plan : decided.plan
}

/** The plan first, then what was said about it; after apply also what it left. */
function planJson(plan: PlanView, { message }: Said, decided?: Decided): string {
  const left =
    decided?.outcome === 'applied'
      ? { events: decided.events, secrets: decided.applied.secrets }
      : {}
  return JSON.stringify({ ...plan, ...wordsOf(message), ...left }, null, 2)
}

function wordsOf({ text: answer, outcome, citations, unverified_ids }: Said['message']) {
  return { answer, outcome, citations, unverified_ids }
}
