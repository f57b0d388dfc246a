import type { ReactNode } from 'react'
import { AccessChanges } from './access-changes.tsx'
import { PlanStep } from './plan-step.tsx'
import { Name, Time } from './text.tsx'
import { labelOf, visible } from './visible-text.ts'
import type { PlanView, PreviewView } from './views.ts'

/** Everything that a person approves, as the service computed it. */
export function PlanFacts({ plan }: { readonly plan: PlanView }): ReactNode {
  const { preview } = plan
  if (preview === null)
    return <p className="note warn">It has not been previewed: what it would do is not known.</p>
  const unsaid = (preview.provenance ?? [])
    .filter(({ source }) => source === 'neither')
    .map(({ step, argument }) => `${step}.${argument}`)
  return (
    <>
      {preview.warnings.map((warning) => (
        <p key={warning} className="note warn">
          {visible(warning)}
        </p>
      ))}
      {unsaid.length > 0 && (
        <p className="note warn">
          Check: neither in the words of the person nor in the zone: {visible(unsaid.join(', '))}
        </p>
      )}
      <section aria-labelledby="effect-on-access">
        <h2 id="effect-on-access">Who gains, who loses</h2>
        <div className="card">
          <AccessChanges preview={preview} />
        </div>
      </section>
      <Replay preview={preview} />
      <section aria-labelledby="steps">
        <h2 id="steps">
          {preview.steps.length === 1 ? 'The one step' : `The ${preview.steps.length} steps`}
        </h2>
        <ol className="plain steps">
          {preview.steps.map((step) => (
            <PlanStep key={step.id} step={step} />
          ))}
        </ol>
      </section>
      <Conditions plan={plan} preview={preview} />
    </>
  )
}

const becomes = {
  allow_to_deny: 'would be refused',
  deny_to_allow: 'would be allowed',
  narrowed: 'would get less',
  widened: 'would get more',
} as const

/** Recent requests that would be answered otherwise. */
function Replay({ preview: { replay } }: { readonly preview: PreviewView }): ReactNode {
  if (replay === undefined || replay.decisions === 0) return null
  if (replay.flips.length === 0)
    return <p>None of the last {replay.decisions} decisions would come out otherwise.</p>
  return (
    <section aria-labelledby="replay">
      <h2 id="replay">Of the last {replay.decisions} decisions</h2>
      <ul className="card">
        {replay.flips.map((flip) => (
          <li key={flip.last_event_id}>
            <code>{visible(flip.application_id)}</code>
            {flip.user_id !== null && <> for {visible(flip.user_id)}</>} on{' '}
            <code>{visible(flip.resource_identifier)}</code> {becomes[flip.change]}:{' '}
            {visible([...flip.lost, ...flip.gained].join(' '))} ({flip.times}×)
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ConditionsProps {
  readonly plan: PlanView
  readonly preview: PreviewView
}

/** On what the preview stands: the same facts go into the digest. */
function Conditions({ plan, preview }: ConditionsProps): ReactNode {
  return (
    <details className="card">
      <summary>What it stands on, and the events it would leave</summary>
      <dl className="facts">
        <div>
          <dt>Revisions</dt>
          <dd>
            {Object.entries(plan.base_revisions).map(([zone, revision]) => (
              <code key={zone}>
                {visible(zone)} at {revision}{' '}
              </code>
            ))}
          </dd>
        </div>
        <div>
          <dt>Policy set version</dt>
          <dd>
            <code>{plan.policy_set_version_id ?? 'none'}</code>
          </dd>
        </div>
        <div>
          <dt>Events</dt>
          <dd>
            <code>{visible(preview.events.join(', '))}</code>
          </dd>
        </div>
      </dl>
    </details>
  )
}

/** Whose approval it takes, in a sentence, with the reason that policy gives. */
export function approvalSentence(policy: PreviewView['policy']): string {
  const reason = policy.reason === '' ? '' : ` (${visible(policy.reason)})`
  if (policy.decision === 'deny') return `Refused by policy${reason}`
  if (policy.decision === 'allow') return `None needed${reason}`
  const count = policy.approvals === 1 ? 'One person' : `${policy.approvals} people`
  const who = policy.second_person ? ', not the one who asked' : ''
  const alone = policy.break_glass
    ? '; whoever asked is alone, so it takes a typed reason and is recorded'
    : ''
  return `${count} must approve${who}${alone}${reason}`
}

/** Who has decided what, and when. */
export function Approvals({ plan }: { readonly plan: PlanView }): ReactNode {
  if (plan.approvals.length === 0) return null
  return (
    <ul className="plain decisions">
      {plan.approvals.map((approval) => {
        const current = approval.digest === plan.digest
        return (
          <li key={approval.id} className={current ? undefined : 'past'}>
            {approval.kind === 'autopilot' && 'Autopilot for '}
            <Name>{approval.approver.name}</Name>{' '}
            {approval.decision === 'approve' ? 'approved' : 'rejected'}
            {approval.break_glass && ' by break-glass'} <Time at={approval.at} />
            {approval.reason !== null && <q dir="auto">{visible(approval.reason)}</q>}
            {!current && <span className="faint"> (an earlier preview of it)</span>}
          </li>
        )
      })}
    </ul>
  )
}

/** How a plan came to be, in words such as `chat`. */
export function originOf(plan: PlanView): string {
  return labelOf(plan.origin)
}
