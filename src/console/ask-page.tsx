import {
  useEffect,
  useId,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react'
import { useConversation, type Live, type Mode, type Utterance } from './conversation.ts'
import { Failure } from './failure.tsx'
import { PlanCard } from './plan-card.tsx'
import { Sources } from './sources.tsx'
import { labelOf, visible } from './visible-text.ts'

interface AskPageProps {
  readonly zone: string
  readonly conversation: string | null
}

const examples = [
  'register an application called billing-agent and a resource called Invoices with scopes invoices:read and invoices:write, and let billing-agent read invoices',
  'who can read invoices?',
  'what changed today?',
] as const

export function AskPage({ zone, conversation: named }: AskPageProps): ReactNode {
  const talk = useConversation(zone, named)
  const [text, setText] = useState('')
  const end = useRef<HTMLDivElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const { utterances, live, mode } = talk
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' })
  }, [utterances.length, live?.text, live?.planIds.length])
  const send = (): void => {
    const words = text.trim()
    if (words === '' || live !== null) return
    setText('')
    void talk.send(words).then((taken) => {
      if (!taken) setText((typed) => (typed === '' ? words : typed))
    })
  }
  const empty = utterances.length === 0 && live === null && !talk.loading
  return (
    <div className="ask">
      <div className="head">
        <h1>Ask the Operator</h1>
        <ModeSwitch mode={mode} onChange={talk.begin} />
        {!empty && (
          <button
            type="button"
            className="quiet"
            onClick={() => {
              talk.begin(mode)
              field.current?.focus()
            }}
          >
            New conversation
          </button>
        )}
      </div>
      {empty && (
        <Beginning
          mode={mode}
          onTake={(words) => {
            setText(words)
            field.current?.focus()
          }}
        />
      )}
      {talk.loading && <p role="status">Loading the conversation…</p>}
      <ol className="talk plain" role="log" aria-label="Conversation">
        {utterances.map((one) => (
          <Said key={one.id} zone={zone} utterance={one} />
        ))}
        {live !== null && <Saying zone={zone} live={live} />}
      </ol>
      <Failure of={talk.failure} zone={zone} />
      <div ref={end} />
      <Composer field={field} text={text} onText={setText} onSend={send}>
        {live === null ? (
          <button type="submit" className="primary" disabled={text.trim() === ''}>
            Send
          </button>
        ) : (
          <button type="button" onClick={talk.stop}>
            Stop
          </button>
        )}
      </Composer>
    </div>
  )
}

interface ModeSwitchProps {
  readonly mode: Mode
  readonly onChange: (mode: Mode) => void
}

const modes: readonly (readonly [Mode, string, string])[] = [
  ['agent', 'Agent', 'Answers, and may propose plans'],
  ['ask', 'Ask', 'Answers only: it cannot propose anything'],
]

function ModeSwitch({ mode, onChange }: ModeSwitchProps): ReactNode {
  const name = useId()
  return (
    <fieldset className="switch">
      <legend className="unseen">Mode: another one begins a new conversation</legend>
      {modes.map(([value, label, title]) => (
        <label key={value} title={title}>
          <input
            type="radio"
            name={name}
            checked={mode === value}
            onChange={() => onChange(value)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  )
}

interface BeginningProps {
  readonly mode: Mode
  readonly onTake: (words: string) => void
}

function Beginning({ mode, onTake }: BeginningProps): ReactNode {
  return (
    <div className="beginning">
      <p>
        {mode === 'agent'
          ? 'Say what should be so. You get an exact plan; nothing changes before a person approves it.'
          : 'Ask about access, objects and what has happened. In this mode nothing can be proposed.'}
      </p>
      <ul className="plain">
        {examples.slice(mode === 'agent' ? 0 : 1).map((words) => (
          <li key={words}>
            <button type="button" className="example" onClick={() => onTake(words)}>
              {words}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

interface SaidProps {
  readonly zone: string
  readonly utterance: Utterance
}

function Said({ zone, utterance }: SaidProps): ReactNode {
  const { role, text, planIds, outcome } = utterance
  const unhappy = outcome === 'failed' || outcome === 'cancelled' || outcome === 'not_understood'
  return (
    <li className={`said ${role}`}>
      <span className="who">{role === 'person' ? 'You' : 'Operator'}</span>
      {unhappy && <span className="chip warn">{labelOf(outcome)}</span>}
      <p className="words" dir="auto">
        {visible(text)}
      </p>
      <Sources zone={zone} of={utterance} />
      {planIds.map((id) => (
        <PlanCard key={id} zone={zone} planId={id} />
      ))}
    </li>
  )
}

/** Stages whose names alone say too little; the others are words already. */
const stages: Readonly<Record<string, string>> = {
  opening: 'opening the conversation',
  mandate: 'getting a mandate from the STS',
}

function Saying({ zone, live }: { readonly zone: string; readonly live: Live }): ReactNode {
  const stage = Object.hasOwn(stages, live.stage) ? stages[live.stage] : labelOf(live.stage)
  return (
    <li className="said operator" aria-busy="true">
      <span className="who">Operator</span>
      <span className="stage" role="status">
        {stage}…
      </span>
      {live.text !== '' && (
        <p className="words" dir="auto">
          {visible(live.text)}
        </p>
      )}
      {live.planIds.map((id) => (
        <PlanCard key={id} zone={zone} planId={id} />
      ))}
    </li>
  )
}

interface ComposerProps {
  readonly field: RefObject<HTMLTextAreaElement | null>
  readonly text: string
  readonly onText: (text: string) => void
  readonly onSend: () => void
  readonly children: ReactNode
}

function Composer({ field, text, onText, onSend, children }: ComposerProps): ReactNode {
  const id = useId()
  const onKey = (event: KeyboardEvent): void => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    onSend()
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        onSend()
      }}
    >
      <label htmlFor={id} className="unseen">
        Message to the Operator
      </label>
      <textarea
        id={id}
        ref={field}
        rows={2}
        autoFocus
        maxLength={8_000}
        placeholder="Say what you want, or ask"
        title="Enter sends, Shift+Enter begins a line"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKey}
      />
      {children}
    </form>
  )
}
