import type { Command } from 'commander'
import {
  approvalHint,
  apply,
  approve,
  approveAndApply,
  confirm,
  isOpen,
  refusalOf,
  renderApplied,
} from './decide-plan.ts'
import type { Decided } from './decide-plan.ts'
import { CliError, exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { addPlanFiles } from './plan-files.ts'
import type { PlanView } from './plan-view.ts'
import { renderPlan } from './render-plan.ts'
import type { Session } from './session.ts'

type WithSession = (work: (session: Session) => Promise<ExitCode>) => Promise<void>

interface ApproveOptions {
  readonly digest?: string
  readonly reason?: string
  readonly apply?: boolean
  readonly yes?: boolean
}

/** The operations of the catalogue that have a command of their own here. */
export const ownPlanCommands: ReadonlySet<string> = new Set([
  'plans.approve',
  'plans.apply',
  'plans.import',
])

/** Adds `approve` and `apply` below `plan`: what a person decides, they decide on what they see. */
export function addPlanCommands(plan: Command, run: WithSession): void {
  plan
    .command('approve')
    .summary('Approve exactly the plan that has this digest')
    .description(
      'Approve a plan: on a terminal it is shown first, in a script --digest says which.',
    )
    .argument('<plan>', 'id of the plan')
    .option('--digest <digest>', 'digest of the plan as it was seen')
    .option('--reason <text>', 'why; required where you approve a high-risk plan of your own alone')
    .option('--apply', 'apply it too, where no further approval is needed')
    .action((id: string, options: ApproveOptions) =>
      run((session) => approveCommand(session, id, options)),
    )
  plan
    .command('apply')
    .summary('Apply an approved plan: all of it, or nothing')
    .description('Apply an approved plan: all of it, or nothing.')
    .argument('<plan>', 'id of the plan')
    .option('--digest <digest>', 'refuse if the plan has another digest by now')
    .action((id: string, { digest }: { readonly digest?: string }) =>
      run(async (session) => {
        const decided = await apply(session.client(), session.zone, id, digest ?? null)
        return finish(session, decided)
      }),
    )
  addPlanFiles(plan, run)
  plan.summary(plan.commands.map((command) => command.name()).join(', '))
}

async function approveCommand(
  session: Session,
  id: string,
  options: ApproveOptions,
): Promise<ExitCode> {
  const { io, zone } = session
  const client = session.client()
  const plan = await client.plans.get(zone, { plan_id: id })
  const digest = options.digest ?? (await seenDigest(session, plan, options.apply === true))
  const decision = { digest, reason: options.reason ?? null }
  if (options.apply === true)
    return finish(session, await approveAndApply(client, zone, plan, decision, io))
  const approved = await approve(client, zone, plan, decision, io)
  if (session.json) io.out(JSON.stringify(approved, null, 2))
  else io.out(approvalText(approved))
  return approved.state === 'approved' ? exitCodes.done : exitCodes.approvalNeeded
}

/** Shows the plan and asks; the digest is that of exactly what was shown. */
async function seenDigest(session: Session, plan: PlanView, alsoApply: boolean): Promise<string> {
  const { io } = session
  if (!io.interactive)
    throw usage(
      'plan approve needs --digest where nobody can be shown the plan.',
      `Look at it first: caracal plan show ${plan.id}`,
    )
  io.out(renderPlan(plan, io))
  const refusal = refusalOf(plan)
  if (refusal !== null) throw refusal
  if (plan.digest === null) throw usage('The plan has not been previewed: caracal plan preview ID')
  if (!(await confirm(io, alsoApply ? 'Approve and apply?' : 'Approve?'))) throw declined(plan)
  return plan.digest
}

/** Nobody said yes; the plan still waits. */
export function declined(plan: PlanView): CliError {
  const message = `Nothing was approved; the plan waits until ${plan.expires_at}.`
  return new CliError(exitCodes.approvalNeeded, 'not_approved', message, {
    hint: approvalHint(plan),
  })
}

/** Prints how a decision ended and says the exit code for it. */
function finish(session: Session, decided: Decided): ExitCode {
  const { io, json } = session
  if (decided.outcome === 'applied') {
    const { applied, events } = decided
    if (json) io.out(JSON.stringify({ ...applied, events }, null, 2))
    else io.out(renderApplied(decided, io))
    return exitCodes.done
  }
  if (json) io.out(JSON.stringify(decided.plan, null, 2))
  else io.out(approvalText(decided.plan))
  return exitCodes.approvalNeeded
}

export function approvalText(plan: PlanView): string {
  if (plan.state === 'approved') return `Approved plan ${plan.id}.\n${approvalHint(plan)}`
  const given = plan.approvals.filter(({ decision }) => decision === 'approve').length
  const open = isOpen(plan) ? `it has ${given} of ${plan.approvals_required} approvals` : plan.state
  return `Your approval of plan ${plan.id} is recorded; ${open}.\n${approvalHint(plan)}`
}
