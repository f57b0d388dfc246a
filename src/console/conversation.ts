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

/** The conversation of a zone that the address names, or a new one where it names none. */
export function useConversation(zone: string, named: string | null): Conversation {
  const { client } = useSession()
  const [kept, setKept] = useState<Kept>(nothing)
  const [live, setLive] = useState<Live | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const [loading, setLoading] = useState(named !== null)
  const unsent = useRef({ text: '', id: '' })
  const speaking = useRef<AbortController | null>(null)
  const at = (id: string | null): string => pathOf({ zone, section: 'ask', item: id })
  // The address is set by this hook too: what it holds already is not loaded.
  const held = useRef<string | null>(null)

  useEffect(() => {
    if (named === held.current) return undefined
    held.current = named
    const controller = new AbortController()
    const { signal } = controller
    speaking.current?.abort()
    setKept((was) => ({ ...nothing, id: named, mode: was.mode }))
    setLive(null)
    setFailure(null)
    setLoading(named !== null)
    if (named === null) return undefined
    client.conversations
      .get(zone, { conversation_id: named }, { signal })
      .then(({ id, mode, messages }) =>
        setKept({ id, mode, utterances: messages.map(utteranceOf) }),
      )
      .catch((error: unknown) => {
        if (!signal.aborted) setFailure(error)
      })
      .finally(() => {
        if (!signal.aborted) setLoading(false)
      })
    return () => {
      controller.abort()
      held.current = null
    }
    // The address alone decides which conversation is shown.
  }, [named])

  const send = async (text: string): Promise<boolean> => {
    // Said again after a failure, the same words are the same message, and get the same answer.
    if (unsent.current.text !== text) unsent.current = { text, id: crypto.randomUUID() }
    const clientMessageId = unsent.current.id
    const controller = new AbortController()
    speaking.current = controller
    setFailure(null)
    setLive({ stage: 'opening', text: '', planIds: [] })
    let id = kept.id
    const others = kept.utterances.filter((one) => one.id !== clientMessageId)
    const said = [...others, spoken(clientMessageId, text)]
    try {
      id ??= (await client.conversations.create(zone, { mode: kept.mode })).id
      setKept({ id, mode: kept.mode, utterances: said })
      held.current = id
      if (named !== id) goTo(at(id), 'replace')
      const answer = await converse(client, zone, id, text, {
        clientMessageId,
        signal: controller.signal,
        onEvent: (event) => setLive((was) => was && heard(was, event)),
      })
      setKept({ id, mode: kept.mode, utterances: [...said, utteranceOf(answer)] })
      unsent.current = { text: '', id: '' }
      return true
    } catch (error) {
      if (controller.signal.aborted) return true
      setFailure(error)
      const taken = error instanceof CaracalError && unsettled.has(error.code)
      if (!taken) setKept({ id, mode: kept.mode, utterances: others })
      return false
    } finally {
      if (speaking.current === controller) {
        speaking.current = null
        setLive(null)
      }
    }
  }

  const stop = (): void => {
    if (kept.id === null) return
    client.conversations.cancel(zone, { conversation_id: kept.id }).catch((error: unknown) => {
      setFailure(error)
    })
  }
  const begin = (mode: Mode): void => {
    speaking.current?.abort()
    held.current = null
    setKept({ ...nothing, mode })
    setLive(null)
    setFailure(null)
    goTo(at(null))
  }
  const { mode, utterances } = kept
  return { mode, loading, utterances, live, failure, send, stop, begin }
}

/** Failures after which the message may have been kept all the same. */
const unsettled: ReadonlySet<string> = new Set(['stream_interrupted', 'unreachable', 'timeout'])

function spoken(id: string, text: string): Utterance {
  return { id, role: 'person', text, planIds: [], outcome: null }
}

function utteranceOf({ id, role, text, plan_ids, outcome }: MessageView): Utterance {
  return { id, role, text, planIds: plan_ids, outcome }
}

function heard(live: Live, event: ConversationEvent): Live {
  if (event.type === 'text') return { ...live, text: live.text + event.text }
  if (event.type === 'plan') return { ...live, planIds: [...live.planIds, event.plan.id] }
  return { ...live, stage: event.type === 'tool' ? `used ${event.name}` : event.stage }
}
