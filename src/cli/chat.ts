import { createInterface, type Interface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { createAdminClient, type AdminClient } from '../client/admin-client.ts'
import { approvalHint, approveAndApply, isOpen, refusalOf, renderApplied } from './decide-plan.ts'
import { report } from './failures.ts'
import { createIo, isYes, type Io } from './io.ts'
import { approvalText } from './plan-commands.ts'
import type { PlanView } from './plan-view.ts'
import { renderPlan } from './render-plan.ts'
import { openConversation } from './open-conversation.ts'
import { safeLine } from './safe-text.ts'
import { renderSaid, say } from './say.ts'

export interface ChatOptions {
  readonly apiUrl: string
  readonly token: string
  /** Id or slug of the zone to begin in. */
  readonly zone: string
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly color?: boolean
  /** Opts every conversation in agent mode in to autopilot. */
  readonly autopilot?: boolean
}

type Mode = 'ask' | 'agent'

/** What the prompt knows from one line to the next. */
interface Chat {
  readonly client: AdminClient
  readonly io: Io
  readonly lines: Lines
  zone: string
  mode: Mode
  readonly autopilot: boolean
  /** Opened with the first thing that is said. */
  conversation: string | null
  /** The plan that was shown last. */
  plan: PlanView | null
}

const welcome = 'Say what you want, or /help. Nothing changes before you approve it.'

/**
 * A prompt in which a person talks with the Operator and decides on the plans it makes. Resolves
 * when the person leaves or the input ends; refusals are shown and the talk goes on.
 */
export async function startChat(options: ChatOptions): Promise<void> {
  const { input, output } = options
  const color = options.color ?? true
  using lines = openLines(input, output)
  const io: Io = {
    ...createIo({ input, output, errors: output }, color),
    // What was typed before a question was shown is no answer to it.
    ask: (question) => lines.fresh(question),
  }
  const client = createAdminClient({ apiUrl: options.apiUrl, adminToken: options.token })
  const { zone, autopilot = false } = options
  const begun = { mode: 'agent', conversation: null, plan: null } as const
  const chat: Chat = { client, io, lines, zone, autopilot, ...begun }
  io.out(io.paint.dim(welcome))
  for (;;) {
    const line = await lines.next(promptOf(chat))
    if (line === null) return
    try {
      if ((await takeLine(chat, line.trim())) === 'leave') return
    } catch (error) {
      report(error, io, false)
    }
  }
}

function promptOf({ zone, mode, io }: Chat): string {
  const suffix = mode === 'ask' ? ' (ask)' : ''
  return io.paint.cyan(`${safeLine(zone)}${suffix} ▸ `)
}

async function takeLine(chat: Chat, line: string): Promise<'stay' | 'leave'> {
  if (line === '') return 'stay'
  if (line.startsWith('/')) {
    const [name = '', ...words] = line.slice(1).split(/\s+/)
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) chat.io.out(`There is no /${safeLine(name)}.\n${help}`)
    else return (await command.run(chat, words.join(' '))) ?? 'stay'
    return 'stay'
  }
  await talk(chat, line)
  return 'stay'
}

interface ChatCommand {
  readonly usage: string
  readonly summary: string
  readonly run: (chat: Chat, argument: string) => Promise<'leave' | undefined> | undefined | 'leave'
}

const leave: ChatCommand = { usage: '/quit', summary: 'leave', run: () => 'leave' }

const commands: Readonly<Record<string, ChatCommand>> = {
  plan: {
    usage: '/plan [id]',
    summary: 'show the last plan, or another, and decide on it',
    run: async (chat, id) => showPlan(chat, id),
  },
  mode: {
    usage: '/mode ask|agent',
    summary: 'ask: answers only; agent: plans as well',
    run: (chat, mode) => {
      if (mode === 'ask' || mode === 'agent') begin(chat, { mode })
      else chat.io.out(`The mode is ${chat.mode}; /mode takes ask or agent.`)
      return undefined
    },
  },
  zone: {
    usage: '/zone NAME',
    summary: 'go on in another zone, by id or slug',
    run: async (chat, zone) => changeZone(chat, zone),
  },
  new: {
    usage: '/new',
    summary: 'begin a new conversation',
    run: (chat) => {
      begin(chat, {})
      return undefined
    },
  },
  help: {
    usage: '/help',
    summary: 'say this',
    run: ({ io }) => {
      io.out(help)
      return undefined
    },
  },
  quit: leave,
  exit: leave,
}

const help = [...new Set(Object.values(commands))]
  .map(({ usage, summary }) => `  ${usage.padEnd(17)} ${summary}`)
  .join('\n')

/** Another mode or zone is another conversation: its mandate is bound to both. */
function begin(chat: Chat, change: { readonly mode?: Mode; readonly zone?: string }): void {
  chat.mode = change.mode ?? chat.mode
  chat.zone = change.zone ?? chat.zone
  chat.conversation = null
  chat.plan = null
}

async function changeZone(chat: Chat, zone: string): Promise<undefined> {
  if (zone === '') {
    chat.io.out(`The zone is ${safeLine(chat.zone)}; /zone takes the id or slug of another.`)
    return
  }
  const { slug } = await chat.client.zones.get(zone)
  begin(chat, { zone: slug })
}

async function showPlan(chat: Chat, id: string): Promise<undefined> {
  const plan_id = id === '' ? chat.plan?.id : id
  if (plan_id === undefined) {
    chat.io.out('There is no plan yet.')
    return
  }
  const plan = await chat.client.plans.get(chat.zone, { plan_id })
  chat.io.out(`\n${renderPlan(plan, chat.io)}`)
  await decide(chat, plan)
}

async function talk(chat: Chat, text: string): Promise<void> {
  const { client, io, zone, mode } = chat
  chat.conversation ??= await openConversation(client, zone, {
    mode,
    title: text.slice(0, 80),
    autopilot: chat.autopilot && mode === 'agent',
  })
  const conversation_id = chat.conversation
  using stop = chat.lines.onInterrupt()
  // The service is told too: it goes on answering when nobody listens.
  stop.signal.addEventListener('abort', () => {
    client.conversations.cancel(zone, { conversation_id }).catch(() => undefined)
  })
  const said = await say(client, zone, conversation_id, text, io, stop.signal).catch(
    (error: unknown) => {
      if (stop.signal.aborted) return null
      throw error
    },
  )
  if (said === null) {
    io.out('Stopped.')
    return
  }
  io.out(renderSaid(said, io))
  for (const plan of said.plans) await decide(chat, plan)
}

/** Asks about a plan that has been shown, where it can be decided on. */
async function decide(chat: Chat, plan: PlanView): Promise<void> {
  const { client, io, zone } = chat
  chat.plan = plan
  io.out('')
  if (!isOpen(plan) || plan.digest === null) return
  const refusal = refusalOf(plan)
  if (refusal !== null) {
    io.out(io.paint.red(refusal.message))
    return
  }
  if (!io.interactive) {
    io.out(approvalHint(plan))
    return
  }
  const question = plan.state === 'approved' ? 'Apply?' : 'Approve and apply?'
  if (!isYes(await io.ask(`${question} [y/N] `))) {
    io.out(`Nothing was approved; the plan waits. /plan shows it again.\n${approvalHint(plan)}`)
    return
  }
  const decision = { digest: plan.digest, reason: null }
  const decided = await approveAndApply(client, zone, plan, decision, io)
  chat.plan = decided.outcome === 'applied' ? decided.applied.plan : decided.plan
  io.out(decided.outcome === 'applied' ? renderApplied(decided, io) : approvalText(decided.plan))
}

interface Lines extends Disposable {
  /** The next line; null when the input has ended. */
  next(prompt: string): Promise<string | null>
  /** The next line that comes after the prompt is shown. */
  fresh(prompt: string): Promise<string | null>
  /** Until it is disposed of, an interrupt aborts the signal instead of ending the talk. */
  onInterrupt(): Disposable & { readonly signal: AbortSignal }
}

/** Lines wait in a queue, so that those that are pasted or piped together are not lost. */
function openLines(input: ChatOptions['input'], output: ChatOptions['output']): Lines {
  const terminal = input.isTTY === true && output.isTTY === true
  const reader: Interface = createInterface({ input, output, terminal })
  const queue: string[] = []
  let waiting: ((line: string | null) => void) | null = null
  let ended = false
  let abort: AbortController | null = null
  const give = (line: string | null): void => {
    const take = waiting
    waiting = null
    if (take !== null) take(line)
    else if (line !== null) queue.push(line)
  }
  reader.on('line', give)
  reader.on('close', () => {
    ended = true
    give(null)
  })
  reader.on('SIGINT', () => {
    if (abort === null) reader.close()
    else abort.abort()
  })
  const next = (prompt: string): Promise<string | null> => {
    const line = queue.shift()
    if (line !== undefined) {
      output.write(`${prompt}${safeLine(line)}\n`)
      return Promise.resolve(line)
    }
    if (ended) return Promise.resolve(null)
    reader.setPrompt(prompt)
    reader.prompt()
    return new Promise((resolve) => {
      waiting = resolve
    })
  }
  return {
    next,
    fresh(prompt) {
      queue.length = 0
      return next(prompt)
    },
    onInterrupt() {
      const controller = new AbortController()
      abort = controller
      return {
        signal: controller.signal,
        [Symbol.dispose]() {
          abort = null
        },
      }
    },
    [Symbol.dispose]() {
      reader.close()
    },
  }
}
