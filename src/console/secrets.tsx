import { useEffect, useId, useRef, type ReactNode } from 'react'
import { CopyButton } from './text.tsx'
import { labelOf, visible } from './visible-text.ts'
import type { OneTimeSecret, PlanView } from './views.ts'

interface SecretsProps {
  readonly plan: PlanView
  readonly secrets: readonly OneTimeSecret[]
  readonly onStored: () => void
}

/** What an apply has made and will never be shown again. Leaving the page asks first. */
export function Secrets({ plan, secrets, onStored }: SecretsProps): ReactNode {
  const heading = useId()
  const section = useRef<HTMLElement>(null)
  useEffect(() => {
    // The button that made them may be far below.
    section.current?.focus()
    const ask = (event: BeforeUnloadEvent): void => {
      event.preventDefault()
    }
    window.addEventListener('beforeunload', ask)
    return () => {
      window.removeEventListener('beforeunload', ask)
    }
  }, [])
  return (
    <section className="card secrets" aria-labelledby={heading} ref={section} tabIndex={-1}>
      <h2 id={heading}>Store this now: it is shown this once and kept nowhere</h2>
      <dl className="facts">
        {secrets.map(({ step, field, value }) => (
          <div key={`${step} ${field}`}>
            <dt>
              {labelOf(field)} of {nameOf(plan, step)}
            </dt>
            <dd className="row">
              <code className="secret">{visible(value)}</code>
              <CopyButton text={value} what={labelOf(field)} />
            </dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onStored}>
        I have stored it
      </button>
    </section>
  )
}

/** The name of the object that a step has made, with its id: the two are used together. */
function nameOf(plan: PlanView, stepId: string): string {
  const change = plan.preview?.steps.find(({ id }) => id === stepId)?.changes[0]
  if (change === undefined) return visible(stepId)
  return visible(change.name === null ? change.id : `${change.name} (${change.id})`)
}
