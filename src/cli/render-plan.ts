import { namesIn } from './names.ts'
import type { PlanView, PreviewView, Screen } from './plan-view.ts'
import { accessSentences } from './render-access.ts'
import { renderReplay } from './render-replay.ts'
import { renderStep } from './render-step.ts'
import { inline, localTime } from './render-value.ts'
import { padEnd, safeLine, wrapLine } from './safe-text.ts'

const riskWords: Readonly<Record<string, string>> = {
  low: 'low risk',
  medium: 'medium risk',
  high: 'HIGH RISK',
  critical: 'CRITICAL RISK',
}

/**
 * Everything that a person approves: the id and digest, who asked, each step with every field before
 * and after, who gains and loses what, the risk with its reasons, and whose approval it takes.
 */
export function renderPlan(plan: PlanView, screen: Screen): string {
  return joined([
    headOf(plan, screen),
    sincePart(plan, screen),
    ...previewParts(plan.preview, screen),
    ...footOf(plan, screen),
  ])
}

/** A plan after a rebase: what has changed, and nothing of what was seen before. */
export function renderRebased(plan: PlanView, screen: Screen): string {
  const whole = screen.paint.dim(`The whole plan: caracal plan show ${plan.id}`)
  return joined([headOf(plan, screen), sincePart(plan, screen), whole, ...footOf(plan, screen)])
}

/** The preview of one call, as `--dry-run` answers it. */
export function renderPreview(preview: PreviewView, screen: Screen): string {
  return joined(previewParts(preview, screen))
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n')
}

function sincePart({ since }: PlanView, { paint, columns }: Screen): string {
  if (since === null) return ''
  const what = since.approved ? 'was approved' : 'was shown last'
  if (since.differences.length === 0) return `Nothing has changed since it ${what}.`
  const lines = since.differences.flatMap(({ path, before, after }) => [
    `  ${safeLine(path)}`,
    ...wrapLine(inline(before), columns - 6).map((line, i) => `    ${i === 0 ? '-' : ' '} ${line}`),
    ...wrapLine(inline(after), columns - 6).map((line, i) => `    ${i === 0 ? '+' : ' '} ${line}`),
  ])
  return [paint.bold(`Changed since it ${what}`), ...lines].join('\n')
}

function headOf(plan: PlanView, { paint, columns }: Screen): string {
  const facts: (readonly [string, string])[] = [
    ['digest', plan.digest ?? 'none: it has not been previewed'],
    ['asked by', `${safeLine(plan.requester.name)} (${plan.origin})`],
    ['zone', `${plan.zone_id}${plan.reach === 'platform' ? ', and beyond it' : ''}`],
    ['undoes', plan.undoes ?? ''],
    ['in words', plan.intent === '' ? '' : `“${safeLine(plan.intent)}”`],
    ['summary', safeLine(plan.summary)],
  ]
  // What somebody else has written stands in the second column, where it passes for nothing else.
  const lines = facts.flatMap(([label, text]) =>
    text === ''
      ? []
      : wrapLine(text, columns - labelWidth).map(
          (line, i) => `${padEnd(i === 0 ? `  ${label}` : '', labelWidth)}${line}`,
        ),
  )
  return [
    `${paint.bold(`Plan ${plan.id}`)}  ${stateText(plan, paint)}`,
    ...lines.map(paint.dim),
  ].join('\n')
}

const labelWidth = 13

function stateText(plan: PlanView, paint: Screen['paint']): string {
  const text = plan.state.replaceAll('_', ' ')
  if (plan.state === 'applied') return paint.green(text)
  if (['failed', 'rejected', 'expired', 'stale', 'superseded'].includes(plan.state))
    return paint.red(text)
  return paint.yellow(text)
}

function previewParts(preview: PreviewView | null, screen: Screen): readonly string[] {
  if (preview === null) return ['  It has not been previewed.']
  const names = namesIn(preview)
  const steps = preview.steps.map((step, i) =>
    renderStep(step, preview.steps.length > 1 ? i + 1 : null, names, screen),
  )
  return [
    steps.join('\n\n'),
    accessPart(preview, screen),
    renderReplay(preview, screen),
    riskPart(preview, screen),
    warningsPart(preview, screen),
    unsaidPart(preview, screen),
  ]
}

function accessPart(preview: PreviewView, { paint, columns }: Screen): string {
  const until = expiries(preview)
  const groups = [
    [preview.access.gained, 'gains', paint.green('+')],
    [preview.access.lost, 'loses', paint.red('-')],
    [preview.access.newly_gated, 'must from now on ask approval for', paint.yellow('!')],
  ] as const
  const lines = groups.flatMap(([tuples, verb, sign]) =>
    accessSentences(tuples, verb, until).flatMap((sentence) =>
      wrapLine(sentence, columns - 4).map((line, i) =>
        i === 0 ? `  ${sign} ${line}` : `    ${line}`,
      ),
    ),
  )
  if (lines.length === 0) lines.push('  Nobody gains or loses access.')
  return [paint.bold('Access'), ...lines].join('\n')
}

/** Until when the grants hold that the steps make or change, by the rule that names them. */
function expiries(preview: PreviewView): ReadonlyMap<string, string> {
  const changes = preview.steps.flatMap((step) => step.changes)
  return new Map(
    changes.flatMap(({ kind, id, fields }) => {
      const expiry = fields.find(({ field }) => field === 'expires_at')?.after
      return kind === 'grant' && typeof expiry === 'string'
        ? [[`grant:${id}`, localTime(expiry)] as const]
        : []
    }),
  )
}

function riskPart(preview: PreviewView, { paint, columns }: Screen): string {
  const grave = preview.risk === 'high' || preview.risk === 'critical'
  const words = riskWords[preview.risk] ?? preview.risk
  const reasons = [...new Set(preview.steps.flatMap((step) => step.risk_reasons))]
  const risk = grave ? paint.red(words) : preview.risk === 'medium' ? paint.yellow(words) : words
  const undo = preview.reversible ? 'can be undone' : paint.yellow('cannot be undone as a whole')
  return [
    `${paint.bold('Risk')}      ${risk}, ${undo}`,
    ...reasons.map((reason) => `          because it ${safeLine(reason)}`),
    `${paint.bold('Approval')}  ${wrapLine(approvalText(preview.policy), columns - 10).join('\n          ')}`,
  ].join('\n')
}

function approvalText(policy: PreviewView['policy']): string {
  const reason = policy.reason === '' ? '' : ` (${safeLine(policy.reason)})`
  if (policy.decision === 'deny') return `refused by policy${reason}`
  if (policy.decision === 'allow') return `none needed${reason}`
  const count = policy.approvals === 1 ? 'one person' : `${policy.approvals} people`
  const who = policy.second_person ? ', not the one who asked' : ''
  const alone = policy.break_glass
    ? '; you are alone, so it takes a typed reason and is recorded'
    : ''
  return `${count} must approve${who}${alone}${reason}`
}

function warningsPart({ warnings }: PreviewView, { paint, columns }: Screen): string {
  return warnings
    .flatMap((warning) => wrapLine(safeLine(warning), columns - 4))
    .map((line, i) => `${i === 0 ? paint.yellow('Note') : '    '}  ${line}`)
    .join('\n')
}

/** What the Operator has put into the steps that nobody said and the zone does not know. */
function unsaidPart({ provenance = [], steps }: PreviewView, { paint, columns }: Screen): string {
  const unsaid = provenance.filter(({ source }) => source === 'neither')
  if (unsaid.length === 0) return ''
  const lines = unsaid.flatMap(({ step, argument }) => {
    const number = steps.findIndex(({ id }) => id === step) + 1
    return wrapLine(`step ${number}: ${safeLine(argument)}`, columns - 4).map(
      (line) => `    ${line}`,
    )
  })
  const head = `${paint.yellow('Check')}  neither in the words of the person nor in the zone:`
  return [head, ...lines].join('\n')
}

function footOf(plan: PlanView, { paint }: Screen): readonly string[] {
  const approvals = plan.approvals.map((approval) => {
    const verb = approval.decision === 'approve' ? 'approved' : 'rejected'
    const whose = approval.kind === 'autopilot' ? 'autopilot for ' : ''
    const how = approval.break_glass ? ' by break-glass' : ''
    const why = approval.reason === null ? '' : `: ${safeLine(approval.reason)}`
    return `  ${verb}${how} by ${whose}${safeLine(approval.approver.name)} at ${localTime(approval.at)}${why}`
  })
  const failure =
    plan.failure === null
      ? ''
      : paint.red(`Failed: ${safeLine(plan.failure.message)} (${inline(plan.failure.code)})`)
  return [approvals.join('\n'), failure]
}
