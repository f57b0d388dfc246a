import { CommanderError } from 'commander'
import { CaracalError } from '../client/caracal-error.ts'
import { StartupError } from '../kernel/startup-error.ts'
import { CliError, exitCodeOf, exitCodes, type ExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'
import { safeLine, safeText } from './safe-text.ts'
import { UsageError } from './usage-error.ts'

/** What to do next, by the code of a refusal. */
const hints: Readonly<Record<string, string>> = {
  timeout: 'Look at the service: caracal status',
  unexpected_answer: 'Check the address: caracal status',
  stream_interrupted: 'Read what became of it: caracal conversation list',
  invalid_admin_token: 'Check CARACAL_ADMIN_TOKEN, or the bootstrap-token file of CARACAL_HOME.',
  admin_token_zone_mismatch: 'Name the zone of your token with --zone.',
  admin_token_read_only: 'Ask an owner for a token that may write: caracal token create',
  session_mandate_required:
    'An agent calls this with its own session mandate as CARACAL_ADMIN_TOKEN: caracal mandate --app APP --raw',
  zone_not_found: 'See the zones: caracal zone list',
  revision_conflict: 'Read the object again and use its revision with --if-match.',
  stale: 'See what has changed since, and approve that: caracal plan rebase ID',
  plan_expired: 'Propose it again: caracal ask "..."',
  approval_mismatch: 'Look at the plan as it is and take its digest: caracal plan show ID',
  approval_required: 'Approve it first: caracal plan approve ID',
  approval_expired: 'Approve it again: caracal plan approve ID',
  second_person_required: 'Have another person run: caracal plan approve ID',
  break_glass_reason_required: 'Give the reason: caracal plan approve ID --reason "..."',
  approve_capability_required:
    'Have somebody with the approve capability run: caracal plan approve ID',
  idempotency_key_reused: 'Take another --idempotency-key, or send what was sent with this one.',
  secret_in_message: 'Store a secret by: caracal provider set-secret ID --secret -',
  rate_limited: 'Wait a little, then ask again.',
  not_ready: 'Wait until it is: caracal status',
  internal: 'The log of the service has it by the request id.',
}

interface Failure {
  readonly message: string
  readonly code: string
  readonly hint: string | null
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** Says what went wrong and what to do next; with `json`, as the one value on standard output. */
export function report(error: unknown, io: Io, json: boolean): ExitCode {
  const exit = exitOf(error)
  const failure = failureOf(error)
  if (json) {
    const { message, code, requestId, details, hint } = failure
    const more = Object.keys(details).length === 0 ? {} : { details }
    const facts = { error: code, error_description: message, ...more, hint, request_id: requestId }
    io.out(JSON.stringify(facts, null, 2))
  }
  io.note(textOf(failure, io))
  return exit
}

function exitOf(error: unknown): ExitCode {
  return error instanceof CommanderError ? exitCodes.usage : exitCodeOf(error)
}

function failureOf(error: unknown): Failure {
  const nothing = { requestId: null, details: {} }
  if (error instanceof CaracalError) {
    const { code, requestId, details } = error
    if (isNotRunning(error))
      return { message: notRunning, code, hint: error.message, requestId, details }
    const hint = Object.hasOwn(hints, code) ? (hints[code] ?? null) : null
    return { message: error.message, code, hint, requestId, details }
  }
  if (error instanceof CliError)
    return {
      ...nothing,
      message: error.message,
      code: error.code,
      hint: error.hint,
      details: error.details,
    }
  if (error instanceof StartupError)
    return { ...nothing, message: error.message, code: 'cannot_start', hint: error.hint }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '')
    const hint = error instanceof UsageError ? error.hint : 'See: caracal help'
    return { ...nothing, message, code: 'usage', hint }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { ...nothing, message, code: 'unexpected', hint: null }
}

const notRunning = 'the service is not running: start it with "npx caracal up" or "npm start"'

function isNotRunning(error: CaracalError): boolean {
  return error.code === 'unreachable' && error.message.includes('ECONNREFUSED')
}

function textOf(failure: Failure, { paint }: Io): string {
  const { issues, reasons } = failure.details
  const lines = [
    `${paint.red('error:')} ${safeText(failure.message)}${failure.code === 'usage' ? '' : paint.dim(` (${safeLine(failure.code)})`)}`,
    ...issueLines(issues),
    ...reasonLines(reasons),
    ...(failure.hint === null ? [] : [`  ${safeText(failure.hint)}`]),
    ...(failure.requestId === null ? [] : [paint.dim(`  request ${safeLine(failure.requestId)}`)]),
  ]
  return lines.join('\n')
}

/** Why something is refused, where it is for more than one reason. */
function reasonLines(reasons: unknown): readonly string[] {
  if (!Array.isArray(reasons) || reasons.length < 2) return []
  return (reasons as readonly { message?: unknown }[]).map(({ message }) =>
    safeLine(`  ${String(message)}`),
  )
}

/** The single faults of an input, where there is more than the message tells. */
function issueLines(issues: unknown): readonly string[] {
  if (!Array.isArray(issues) || issues.length < 2) return []
  return (issues as readonly { path?: unknown; message?: unknown }[]).map(({ path, message }) =>
    safeLine(`  ${String(path)}: ${String(message)}`),
  )
}
