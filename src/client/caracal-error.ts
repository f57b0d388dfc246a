/**
 * A refusal of the service, or its silence. `status` is the HTTP status, 0 where no answer came;
 * `code` is the one of the error catalogue (docs/errors.md), or one of the client's own:
 * `unreachable`, `timeout`, `stream_interrupted`, `unexpected_answer`, `invalid_argument`.
 */
export class CaracalError extends Error {
  readonly status: number
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  /** What the audit log knows the request by; null where no answer came. */
  readonly requestId: string | null

  constructor(facts: {
    readonly status: number
    readonly code: string
    readonly message: string
    readonly details?: Readonly<Record<string, unknown>> | undefined
    readonly requestId?: string | null | undefined
    readonly cause?: unknown
  }) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'CaracalError'
    this.status = facts.status
    this.code = facts.code
    this.details = facts.details ?? {}
    this.requestId = facts.requestId ?? null
  }
}

/** The error that an answer's body tells of (admin-api.md, Conventions). */
export function errorOfAnswer(
  status: number,
  body: unknown,
  requestId: string | null,
): CaracalError {
  const { error, error_description, details, request_id } = recordOf(body)
  if (typeof error !== 'string')
    return new CaracalError({
      status,
      code: 'unexpected_answer',
      message: `The address answered ${status} without saying why: is it a Caracal service?`,
      requestId,
    })
  return new CaracalError({
    status,
    code: error,
    message: typeof error_description === 'string' ? error_description : error,
    details: recordOf(details),
    requestId: typeof request_id === 'string' ? request_id : requestId,
  })
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}
