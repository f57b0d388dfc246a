import { CaracalError } from '../client/caracal-error.ts'
import { StartupError } from '../kernel/startup-error.ts'

/** What the command says to the shell (operator.md, CLI). */
export const exitCodes = {
  done: 0,
  failure: 1,
  usage: 2,
  question: 3,
  refused: 4,
  approvalNeeded: 5,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** What the command itself has to say no to; `code` is for scripts, `hint` for people. */
export class CliError extends Error {
  readonly exit: ExitCode
  readonly code: string
  readonly hint: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    exit: ExitCode,
    code: string,
    message: string,
    options: {
      readonly hint?: string
      readonly details?: Readonly<Record<string, unknown>>
      readonly cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CliError'
    this.exit = exit
    this.code = code
    this.hint = options.hint ?? null
    this.details = options.details ?? {}
  }
}

export function usage(message: string, hint?: string): CliError {
  return new CliError(exitCodes.usage, 'usage', message, hint === undefined ? {} : { hint })
}

/** Refusals that another exit code says better than their status does. */
const byCode: Readonly<Record<string, ExitCode>> = {
  approval_required: exitCodes.approvalNeeded,
  approval_expired: exitCodes.approvalNeeded,
  second_person_required: exitCodes.approvalNeeded,
  break_glass_reason_required: exitCodes.approvalNeeded,
  ambiguous_reference: exitCodes.question,
  invalid_argument: exitCodes.usage,
}

/** What was asked is malformed; the same request by another person would be refused as well. */
const usageStatuses: ReadonlySet<number> = new Set([400, 405, 413, 415])
const refusedStatuses: ReadonlySet<number> = new Set([401, 403, 409, 412, 422])

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit
  if (error instanceof StartupError) return exitCodes.failure
  if (!(error instanceof CaracalError)) return exitCodes.failure
  const known = Object.hasOwn(byCode, error.code) ? byCode[error.code] : undefined
  if (known !== undefined) return known
  if (usageStatuses.has(error.status)) return exitCodes.usage
  return refusedStatuses.has(error.status) ? exitCodes.refused : exitCodes.failure
}
