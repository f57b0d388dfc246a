import type { ReactNode } from 'react'
import { Chip } from './chips.tsx'
import { FieldDiff } from './field-diff.tsx'
import { visible } from './visible-text.ts'
import type { StepView } from './views.ts'

/** One step: what it does in a sentence, its risk with the reasons, and every field it changes. */
export function PlanStep({ step }: { readonly step: StepView }): ReactNode {
  return (
    <li className="step card">
      <div className="row">
        <h3 dir="auto">{visible(step.summary)}</h3>
        <Chip word={step.effect} />
        {step.risk !== 'low' && <Chip word={step.risk} text={`${step.risk} risk`} />}
        {!step.reversible && step.effect !== 'no-op' && <Chip word="update" text="no way back" />}
      </div>
      {step.blocked !== null && (
        <p className="note bad">
          Blocked: {visible(step.blocked.message)} <code>{visible(step.blocked.code)}</code>
        </p>
      )}
      {step.risk_reasons.length > 0 && (
        <p className="faint">Because it {visible(step.risk_reasons.join('; it '))}.</p>
      )}
      {step.effect === 'no-op' && <p className="faint">Nothing changes: it is so already.</p>}
      {step.changes.map((change) => (
        <FieldDiff key={`${change.kind} ${change.id}`} change={change} />
      ))}
      <details>
        <summary>Operation and input</summary>
        <p>
          <code>{visible(step.operation)}</code>
        </p>
        <pre tabIndex={0}>{visible(JSON.stringify(step.input, null, 2))}</pre>
      </details>
    </li>
  )
}
