import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { CaracalError } from '../client/caracal-error.ts'
import { Failure } from './failure.tsx'
import { outdated } from './hints-table.ts'
import { useAction, type Acting } from './loading.ts'
import { useSession } from './session.tsx'
import type { PlanState, PlanView } from './views.ts'

interface DecidePlanProps {
  readonly zone: string
  /** The plan exactly as it is shown: its digest is what an approval names. */
  readonly plan: PlanView
  readonly onPlan: (plan: PlanView) => void
  readonly onReload: () => void
}

/** As long as the service takes one. */
const reasonChars = 2_000

type Act = 'approve' | 'reject' | 'apply' | 'preview'

/** What can be done with a plan, by its state. */
const acts: Readonly<Partial<Record<PlanState, readonly Act[]>>> = {
  pending_approval: ['approve', 'reject'],
  approved: ['apply', 'reject'],
  previewed: ['preview', 'reject'],
  stale: ['preview', 'reject'],
}

/** Approve, reject, apply and preview again, as far as the state of the plan has room for them. */
export function DecidePlan({ zone, plan, onPlan, onReload }: DecidePlanProps): ReactNode {
  const acting = useAction()
  const [reason, setReason] = useState('')
  const [rejecting, setRejecting] = useState(false)
  const run = useActs(zone, plan, reason.trim(), onPlan)
  const open = acts[plan.state] ?? []
  const code = acting.failure instanceof CaracalError ? acting.failure.code : ''
  const asked = code === 'break_glass_reason_required'
  const alone = plan.state === 'pending_approval' && plan.preview?.policy.break_glass === true
  if (rejecting)
    return (
      <Rejection
        reason={reason}
        onReason={setReason}
        acting={acting}
        onReject={() => acting.run('reject', run.reject)}
        onBack={() => setRejecting(false)}
      />
    )
  return (
    <div className="stack">
      {(alone || asked) && (
        <ReasonField
          value={reason}
          onValue={setReason}
          label="Reason for approving it alone"
          focus={asked}
        />
      )}
      <div className="row">
        {buttons.map(([act, text]) =>
          open.includes(act) ? (
            <button
              key={act}
              type="button"
              className="primary"
              disabled={acting.busy !== null}
              onClick={() => acting.run(act, run[act])}
            >
              {acting.busy === act ? `${text}…` : text}
            </button>
          ) : null,
        )}
        {open.includes('reject') && (
          <button type="button" disabled={acting.busy !== null} onClick={() => setRejecting(true)}>
            Reject…
          </button>
        )}
      </div>
      <Failure of={acting.failure} zone={zone}>
        {outdated.has(code) && (
          <button
            type="button"
            onClick={() => {
              acting.forget()
              onReload()
            }}
          >
            Show the plan as it is
          </button>
        )}
      </Failure>
    </div>
  )
}

const buttons: readonly (readonly [Act, string])[] = [
  ['approve', 'Approve'],
  ['apply', 'Apply'],
  ['preview', 'Preview again'],
]

/** What each act asks of the service. Approving names the digest of the plan that is shown. */
function useActs(
  zone: string,
  plan: PlanView,
  reason: string,
  onPlan: (plan: PlanView) => void,
): Readonly<Record<Act, () => Promise<void>>> {
  const { client, keepSecrets } = useSession()
  const target = { plan_id: plan.id }
  const { digest } = plan
  return {
    approve: async () => {
      if (digest === null) return
      const why = reason === '' ? {} : { reason }
      onPlan(await client.plans.approve(zone, { ...target, digest, ...why }))
    },
    reject: async () => {
      onPlan(await client.plans.reject(zone, { ...target, reason }))
    },
    apply: async () => {
      const exactly = digest === null ? {} : { digest }
      const done = await client.plans.apply(zone, { ...target, ...exactly })
      keepSecrets(plan.id, done.secrets)
      onPlan(done.plan)
    },
    preview: async () => {
      onPlan(await client.plans.preview(zone, target))
    },
  }
}

interface RejectionProps {
  readonly reason: string
  readonly onReason: (reason: string) => void
  readonly acting: Acting
  readonly onReject: () => void
  readonly onBack: () => void
}

function Rejection({ reason, onReason, acting, onReject, onBack }: RejectionProps): ReactNode {
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (reason.trim() !== '') onReject()
      }}
    >
      <ReasonField
        value={reason}
        onValue={onReason}
        label="Reason for rejecting it; whoever asked sees it"
        focus
      />
      <div className="row">
        <button type="submit" className="danger" disabled={acting.busy !== null}>
          Reject
        </button>
        <button type="button" onClick={onBack}>
          Back
        </button>
      </div>
      <Failure of={acting.failure} />
    </form>
  )
}

interface ReasonFieldProps {
  readonly value: string
  readonly onValue: (value: string) => void
  readonly label: string
  readonly focus: boolean
}

function ReasonField({ value, onValue, label, focus }: ReasonFieldProps): ReactNode {
  const id = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (focus) field.current?.focus()
  }, [focus])
  return (
    <div>
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        ref={field}
        rows={2}
        required
        maxLength={reasonChars}
        value={value}
        onChange={(event) => onValue(event.target.value)}
      />
    </div>
  )
}
