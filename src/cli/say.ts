import type { AdminClient } from '../client/admin-client.ts'
import { converse, type Message } from '../client/converse.ts'
import type { Io } from './io.ts'
import { startProgress } from './progress.ts'
import type { PlanView } from './plan-view.ts'
import { renderPlan } from './render-plan.ts'
import { safeLine, safeText, wrapLine } from './safe-text.ts'

/** What the Operator answered, with the plans that the answer made, newest last. */
export interface Said {
  readonly message: Message
  readonly plans: readonly PlanView[]
}

const stageWords: Readonly<Record<string, string>> = {
  mandate: 'getting a mandate to read',
  thinking: 'thinking',
}

/** Says something in a conversation and waits for the answer, with progress on standard error. */
export async function say(
  client: AdminClient,
  zone: string,
  conversationId: string,
  text: string,
  io: Io,
  signal?: AbortSignal,
): Promise<Said> {
  const message = await answerOf(client, zone, conversationId, text, io, signal)
  const plans: PlanView[] = []
  for (const plan_id of message.plan_ids) plans.push(await client.plans.get(zone, { plan_id }))
  return { message, plans: plans.filter((plan) => plan.state !== 'superseded') }
}

async function answerOf(
  client: AdminClient,
  zone: string,
  conversationId: string,
  text: string,
  io: Io,
  signal: AbortSignal | undefined,
): Promise<Message> {
  using progress = startProgress(io, 'thinking')
  return await converse(client, zone, conversationId, text, {
    ...(signal === undefined ? {} : { signal }),
    onEvent: (event) => {
      if (event.type === 'stage') progress.stage(stageWords[event.stage] ?? event.stage)
      if (event.type === 'tool') progress.stage(event.name.replaceAll('_', ' '))
      if (event.type === 'restart') progress.stage('beginning anew')
      if (event.type === 'plan') progress.stage('plan drafted and previewed')
    },
  })
}

/** The Operator's words, fit for a terminal. */
export function renderMessage({ text }: Message): string {
  return safeText(text)
}

/**
 * The words and then the plans. The words are marked at the edge, so that nothing a model writes can
 * be taken for a part of the plan, of which it writes nothing.
 */
export function renderSaid({ message, plans }: Said, io: Io): string {
  const words = renderMessage(message)
  const sources = renderSources(message, io)
  if (plans.length === 0) return [words, ...sources].join('\n')
  const lines = words.split('\n').flatMap((line) => wrapLine(line, io.columns - 2))
  const marked = lines.map((line) => `${io.paint.dim('│')} ${line}`.trimEnd())
  const said = [...marked, ...sources].join('\n')
  return [said, ...plans.map((plan) => renderPlan(plan, io))].join('\n\n')
}

/** How many sources are named; the others are counted. */
const sourcesShown = 8

/** What the platform says of the words: what they rest on, and which ids in them nothing bears out. */
function renderSources({ citations, unverified_ids }: Message, io: Io): string[] {
  const named = citations
    .slice(0, sourcesShown)
    .map(({ id, name }) => (name === null ? id : `${safeLine(name)} (${id})`))
  const more = citations.length - named.length
  const rest = more > 0 ? `, and ${more} more` : ''
  const unknown = unverified_ids.map(safeLine).join(', ')
  return [
    ...(named.length === 0 ? [] : [io.paint.dim(`Sources: ${named.join(', ')}${rest}`)]),
    ...(unknown === '' ? [] : [io.paint.red(`Not verified, no tool returned: ${unknown}`)]),
  ]
}
