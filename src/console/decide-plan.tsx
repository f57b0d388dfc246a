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
  const { client, keepSecrets } = useSession()
  const acting = useAction()
  const [reason, setReason] = useState('')
  const [rejecting, setRejecting] = useState(false)
  const open = acts[plan.state] ?? []
  const { digest } = plan
  const target = { plan_id: plan.id }
  const words = reason.trim()

  const approve = async (): Promise<void> => {
    if (digest === null) return
    onPlan(
      await client.plans.approve(zone, {
        ...target,
        digest,
        ...(words !== '' && { reason: words }),
      }),
    )
    setReason('')
  }
  const reject = async (): Promise<void> => {
    onPlan(await client.plans.reject(zone, { ...target, reason: words }))
    setRejecting(false)
  }
  const apply = async (): Promise<void> => {
    const done = await client.plans.apply(zone, { ...target, ...(digest !== null && { digest }) })
    keepSecrets(plan.id, done.secrets)
    onPlan(done.plan)
  }
  const preview = async (): Promise<void> => {
    onPlan(await client.plans.preview(zone, target))
  }

  const asked = codeOf(acting.failure) === 'break_glass_reason_required'
  const alone = plan.state === 'pending_approval' && plan.preview?.policy.break_glass === true
  const button = { plan, acting, open }
  if (rejecting)
    return (
      <Rejection
        reason={reason}
        onReason={setReason}
        acting={acting}
        onReject={() => acting.run('reject', reject)}
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
        <ActButton {...button} act="approve" run={approve} text="Approve" />
        <ActButton {...button} act="apply" run={apply} text="Apply" />
        <ActButton {...button} act="preview" run={preview} text="Preview again" />
        {open.includes('reject') && (
          <button type="button" disabled={acting.busy !== null} onClick={() => setRejecting(true)}>
            Reject…
          </button>
        )}
      </div>
      <Failure of={acting.failure} zone={zone}>
        {outdated.has(codeOf(acting.failure) ?? '') && (
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

function codeOf(failure: unknown): string | null {
  return failure instanceof CaracalError ? failure.code : null
}

interface ActButtonProps {
  readonly act: Act
  readonly open: readonly Act[]
  readonly acting: Acting
  readonly run: () => Promise<void>
  readonly text: string
}

function ActButton({ act, open, acting, run, text }: ActButtonProps): ReactNode {
  if (!open.includes(act)) return null
  return (
    <button
      type="button"
      className="primary"
      disabled={acting.busy !== null}
      onClick={() => acting.run(act, run)}
    >
      {acting.busy === act ? `${text}…` : text}
    </button>
  )
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
