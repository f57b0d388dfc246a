import { useEffect, useRef, useState } from 'react'
import { CaracalError } from '../client/caracal-error.ts'
import { converse, type ConversationEvent } from '../client/converse.ts'
import { goTo, pathOf } from './location.tsx'
import { useSession } from './session.tsx'
import type { MessageView } from './views.ts'

export type Mode = 'ask' | 'agent'

/** What a person sees in a conversation before the service has kept it, and after. */
export interface Utterance {
  readonly id: string
  readonly role: MessageView['role']
  readonly text: string
  readonly planIds: readonly string[]
  readonly outcome: MessageView['outcome']
  readonly citations: MessageView['citations']
  readonly unverifiedIds: readonly string[]
}

/** The answer while it is made. */
export interface Live {
  readonly stage: string
  readonly text: string
  readonly planIds: readonly string[]
}

export interface Conversation {
  readonly mode: Mode
  readonly loading: boolean
  readonly utterances: readonly Utterance[]
  readonly live: Live | null
  readonly failure: unknown
  /** Resolves to whether the message was taken. */
  readonly send: (text: string) => Promise<boolean>
  readonly stop: () => void
  /** Begins another conversation: a mode holds for the whole of one. */
  readonly begin: (mode: Mode) => void
}

interface Kept {
  readonly id: string | null
  readonly mode: Mode
  readonly utterances: readonly Utterance[]
}

const nothing: Kept = { id: null, mode: 'agent', utterances: [] }

/** What one conversation holds while it is shown. */
interface Talk {
  readonly kept: Kept
  readonly live: Live | null
  readonly failure: unknown
  readonly loading: boolean
}

/** The conversation of a zone that the address names, or a new one where it names none. */
export function useConversation(zone: string, named: string | null): Conversation {
  const { client } = useSession()
  const { talk, set, held, speaking } = useTalk(zone, named)
  const unsent = useRef({ text: '', id: '' })
  const { id, mode, utterances } = talk.kept

  /** Opens the conversation where this is its first message, and tells the address. */
  const opened = async (said: readonly Utterance[], signal: AbortSignal): Promise<string> => {
    const opened = id ?? (await client.conversations.create(zone, { mode })).id
    signal.throwIfAborted()
    set({ kept: { id: opened, mode, utterances: said } })
    held.current = opened
    if (named !== opened) goTo(addressOf(zone, opened), 'replace')
    return opened
  }
  const send = async (text: string): Promise<boolean> => {
    // Said again after a failure, the same words are the same message, and get the same answer.
    if (unsent.current.text !== text) unsent.current = { text, id: crypto.randomUUID() }
    const clientMessageId = unsent.current.id
    const controller = new AbortController()
    speaking.current = controller
    set({ failure: null, live: { stage: 'opening', text: '', planIds: [] } })
    const before = utterances.filter((one) => one.id !== clientMessageId)
    const said = [...before, spoken(clientMessageId, text)]
    try {
      const { signal } = controller
      const at = await opened(said, signal)
      const onEvent = (event: ConversationEvent): void => {
        set(({ live }) => ({ live: live && heard(live, event) }))
      }
      const answer = await converse(client, zone, at, text, { clientMessageId, signal, onEvent })
      set({ live: null, kept: { id: at, mode, utterances: [...said, utteranceOf(answer)] } })
      unsent.current = { text: '', id: '' }
      return true
    } catch (failure) {
      if (controller.signal.aborted) return true
      const taken = failure instanceof CaracalError && unsettled.has(failure.code)
      set(({ kept }) => ({
        failure,
        live: null,
        kept: { ...kept, utterances: taken ? said : before },
      }))
      return false
    }
  }
  const stop = (): void => {
    if (id === null) return
    client.conversations.cancel(zone, { conversation_id: id }).catch((failure: unknown) => {
      set({ failure })
    })
  }
  const begin = (another: Mode): void => {
    speaking.current?.abort()
    held.current = null
    set({ ...silence, kept: { ...nothing, mode: another } })
    goTo(addressOf(zone, null))
  }
  const { live, failure, loading } = talk
  return { mode, loading, utterances, live, failure, send, stop, begin }
}

const silence = { live: null, failure: null, loading: false } as const

function addressOf(zone: string, conversation: string | null): string {
  return pathOf({ zone, section: 'ask', item: conversation })
}

type Change = Partial<Talk> | ((talk: Talk) => Partial<Talk>)

/** The conversation as it is shown, read from the service when the address names another one. */
function useTalk(zone: string, named: string | null) {
  const { client } = useSession()
  const [talk, setTalk] = useState<Talk>({ ...silence, kept: nothing, loading: named !== null })
  const set = (change: Change): void => {
    setTalk((was) => ({ ...was, ...(typeof change === 'function' ? change(was) : change) }))
  }
  /** The conversation that is shown; what the address is set to by this page is not read again. */
  const held = useRef<string | null>(null)
  const speaking = useRef<AbortController | null>(null)
  useEffect(() => {
    if (named === held.current) return
    held.current = named
    speaking.current?.abort()
    set(({ kept: { mode } }) => ({
      ...silence,
      kept: { ...nothing, id: named, mode },
      loading: named !== null,
    }))
    if (named === null) return
    client.conversations
      .get(zone, { conversation_id: named })
      .then(({ id, mode, messages }) => ({
        kept: { id, mode, utterances: messages.map(utteranceOf) },
        loading: false,
      }))
      .catch((failure: unknown) => ({ failure, loading: false }))
      .then((change) => {
        if (held.current === named) set(change)
      })
      .catch(() => undefined)
    // The address alone decides which conversation is shown.
  }, [named])
  // Whoever leaves hears no more of it; the service finishes the answer all the same.
  useEffect(() => () => speaking.current?.abort(), [])
  return { talk, set, held, speaking }
}

/** Failures after which the message may have been kept all the same. */
const unsettled: ReadonlySet<string> = new Set(['stream_interrupted', 'unreachable', 'timeout'])

function spoken(id: string, text: string): Utterance {
  return { id, role: 'person', text, planIds: [], outcome: null, citations: [], unverifiedIds: [] }
}

function utteranceOf(message: MessageView): Utterance {
  const { id, role, text, plan_ids, outcome, citations, unverified_ids } = message
  return { id, role, text, planIds: plan_ids, outcome, citations, unverifiedIds: unverified_ids }
}

function heard(live: Live, event: ConversationEvent): Live {
  if (event.type === 'restart') return { stage: 'beginning anew', text: '', planIds: [] }
  if (event.type === 'text') return { ...live, text: live.text + event.text }
  if (event.type === 'plan') return { ...live, planIds: [...live.planIds, event.plan.id] }
  return { ...live, stage: event.type === 'tool' ? `used ${event.name}` : event.stage }
}
