import { useEffect, useState, type ReactNode } from 'react'
import { isScalars, isTimestamp, lineOf, visible } from './visible-text.ts'

/** A stored name among other words, which cannot change how those are laid out. */
export function Name({ children }: { readonly children: string }): ReactNode {
  return <bdi className="name">{visible(children)}</bdi>
}

/** An id or a digest. */
export function Code({ children }: { readonly children: string }): ReactNode {
  return <code className="whole">{visible(children)}</code>
}

const minutes = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const seconds = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

interface TimeProps {
  readonly at: string
  readonly exact?: boolean
}

/** A time as people here read it; the exact one is its title. */
export function Time({ at, exact = false }: TimeProps): ReactNode {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return visible(at)
  return (
    <time dateTime={at} title={at}>
      {(exact ? seconds : minutes).format(date)}
    </time>
  )
}

/** Any value of a field. */
export function Value({ children: value }: { readonly children: unknown }): ReactNode {
  if (isTimestamp(value)) return <Time at={value} exact />
  if (typeof value === 'string' && value.includes('\n'))
    return <pre tabIndex={0}>{visible(value.trimEnd())}</pre>
  const line = lineOf(value)
  if (typeof value !== 'object' || value === null || isScalars(value) || line.length <= 60)
    return <bdi>{line}</bdi>
  return <pre tabIndex={0}>{visible(JSON.stringify(value, null, 2))}</pre>
}

interface CopyProps {
  readonly text: string
  /** What is copied, for whoever hears the button only. */
  readonly what: string
}

const copiedMs = 2_000

export function CopyButton({ text, what }: CopyProps): ReactNode {
  const [said, setSaid] = useState<'Copied' | 'Select and copy it' | null>(null)
  useEffect(() => {
    if (said === null) return undefined
    const timer = setTimeout(() => setSaid(null), copiedMs)
    return () => {
      clearTimeout(timer)
    }
  }, [said])
  const copy = (): void => {
    // There is no clipboard on a page that came over plain HTTP from another machine.
    const clipboard = window.isSecureContext ? navigator.clipboard : undefined
    if (clipboard === undefined) setSaid('Select and copy it')
    else
      clipboard.writeText(text).then(
        () => setSaid('Copied'),
        () => setSaid('Select and copy it'),
      )
  }
  return (
    <button type="button" className="quiet small" onClick={copy} aria-label={`Copy ${what}`}>
      <span aria-live="polite">{said ?? 'Copy'}</span>
    </button>
  )
}
