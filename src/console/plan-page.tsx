import { useState, type ReactNode } from 'react'
import { Chip } from './chips.tsx'
import { DecidePlan } from './decide-plan.tsx'
import { Failure, Request } from './failure.tsx'
import { useLoad } from './loading.ts'
import { Link, pathOf } from './location.tsx'
import { Approvals, approvalSentence, originOf, PlanFacts } from './plan-facts.tsx'
import { Secrets } from './secrets.tsx'
import { useSession } from './session.tsx'
import { CopyButton, Name, Time } from './text.tsx'
import { labelOf, visible } from './visible-text.ts'
import type { PlanView } from './views.ts'

interface PlanPageProps {
  readonly zone: string
  readonly planId: string
}

/** One plan: all that it would do, and the decision on exactly that. */
export function PlanPage({ zone, planId }: PlanPageProps): ReactNode {
  const { client, secrets, keepSecrets } = useSession()
  const [news, setNews] = useState('')
  const plan = useLoad(planId, (signal) => client.plans.get(zone, { plan_id: planId }, { signal }))
  const made = secrets.get(planId)
  const { value } = plan
  return (
    <>
      <p className="crumbs">
        <Link to={pathOf({ zone, section: 'plans', item: null })}>Plans</Link>
      </p>
      <Failure of={plan.failure} zone={zone}>
        <button type="button" onClick={plan.reload}>
          Try again
        </button>
      </Failure>
      {value === null && plan.failure === null && <p role="status">Loading the plan…</p>}
      <p className="unseen" role="status">
        {news}
      </p>
      {value !== null && (
        <div className="plan">
          <Head plan={value} />
          <div className="body">
            {made !== undefined && (
              <Secrets plan={value} secrets={made} onStored={() => keepSecrets(planId, [])} />
            )}
            {value.failure !== null && (
              <p className="note bad">
                {visible(value.failure.message)} <code>{visible(value.failure.code)}</code>
              </p>
            )}
            <PlanFacts plan={value} />
          </div>
          <aside className="card decide" aria-label="Decision">
            <Standing plan={value} zone={zone} />
            <DecidePlan
              key={`${value.digest ?? ''} ${value.state}`}
              zone={zone}
              plan={value}
              onReload={plan.reload}
              onPlan={(next) => {
                plan.put(next)
                setNews(`The plan is now ${labelOf(next.state)}.`)
              }}
            />
          </aside>
        </div>
      )}
    </>
  )
}

function Head({ plan }: { readonly plan: PlanView }): ReactNode {
  const title = plan.summary === '' ? plan.intent : plan.summary
  return (
    <header className="head">
      <h1 dir="auto">{title === '' ? 'A plan without words' : visible(title)}</h1>
      <p className="faint">
        Asked for by <Name>{plan.requester.name}</Name> over {originOf(plan)},{' '}
        <Time at={plan.created_at} />
        {plan.reach === 'platform' && '; it reaches beyond this zone'}
      </p>
      {plan.intent !== '' && plan.intent !== title && (
        <blockquote dir="auto">{visible(plan.intent)}</blockquote>
      )}
    </header>
  )
}

const undecided: ReadonlySet<string> = new Set(['previewed', 'pending_approval', 'approved'])

/** Where the plan stands, how grave it is, and the digest that a decision is about. */
function Standing({ plan, zone }: { readonly plan: PlanView; readonly zone: string }): ReactNode {
  const { preview } = plan
  return (
    <dl className="facts">
      <div>
        <dt>State</dt>
        <dd>
          <Chip word={plan.state} />
          {undecided.has(plan.state) && (
            <span className="faint">
              {' '}
              until <Time at={plan.expires_at} />
            </span>
          )}
        </dd>
      </div>
      {preview !== null && (
        <>
          <div>
            <dt>Risk</dt>
            <dd>
              <Chip word={preview.risk} />{' '}
              {preview.reversible ? 'can be undone' : 'cannot be undone as a whole'}
            </dd>
          </div>
          <div>
            <dt>Approval</dt>
            <dd>{approvalSentence(preview.policy)}</dd>
          </div>
          {preview.policy.rules.length > 0 && (
            <div>
              <dt>Rules</dt>
              <dd>
                <code>{visible(preview.policy.rules.join(', '))}</code>
              </dd>
            </div>
          )}
        </>
      )}
      {plan.approvals.length > 0 && (
        <div>
          <dt>Decisions</dt>
          <dd>
            <Approvals plan={plan} />
          </dd>
        </div>
      )}
      {plan.digest !== null && (
        <div>
          <dt>Digest</dt>
          <dd>
            <code className="digest">{plan.digest}</code>{' '}
            <CopyButton text={plan.digest} what="the digest" />
          </dd>
        </div>
      )}
      {plan.request_id !== null && (
        <div>
          <dt>Trace</dt>
          <dd>
            <Request id={plan.request_id} zone={zone} />
          </dd>
        </div>
      )}
    </dl>
  )
}
