import type { ReactNode } from 'react'
import { AccessChanges } from './access-changes.tsx'
import { Chip } from './chips.tsx'
import { Failure } from './failure.tsx'
import { useLoad } from './loading.ts'
import { Link, pathOf } from './location.tsx'
import { useSession } from './session.tsx'
import { visible } from './visible-text.ts'

interface PlanCardProps {
  readonly zone: string
  readonly planId: string
}

/** A plan in a conversation, in short: one decides on it where all of it is shown. */
export function PlanCard({ zone, planId }: PlanCardProps): ReactNode {
  const { client } = useSession()
  const { value: plan, failure } = useLoad(`${zone} ${planId}`, (signal) =>
    client.plans.get(zone, { plan_id: planId }, { signal }),
  )
  if (failure !== null) return <Failure of={failure} zone={zone} />
  if (plan === null) return <p className="card faint">Loading the plan…</p>
  const { preview } = plan
  const open = plan.state === 'pending_approval' || plan.state === 'approved'
  return (
    <article className="card plan-card" aria-label={`Plan ${planId}`}>
      <p className="row">
        <strong dir="auto">{visible(plan.summary === '' ? plan.intent : plan.summary)}</strong>
        <Chip word={plan.state} />
        {plan.risk !== null && <Chip word={plan.risk} text={`${plan.risk} risk`} />}
      </p>
      {preview !== null && (
        <>
          <ol>
            {preview.steps.map((step) => (
              <li key={step.id}>
                {visible(step.summary)}{' '}
                {(step.effect === 'blocked' || step.effect === 'no-op') && (
                  <Chip word={step.effect} />
                )}
              </li>
            ))}
          </ol>
          <AccessChanges preview={preview} />
        </>
      )}
      <p>
        <Link
          className={open ? 'button primary' : 'button'}
          to={pathOf({ zone, section: 'plans', item: planId })}
        >
          {open ? 'Review and decide' : 'Show the plan'}
        </Link>
      </p>
    </article>
  )
}
