import { Fault, isFault, type FaultCode } from '../kernel/faults.ts'

/** What a unique index of the schema says when two would be the same. */
const clashes: Readonly<Record<string, readonly [FaultCode, string]>> = {
  zones_name: ['zone_name_taken', 'Another zone has this name.'],
  zones_slug: ['zone_name_taken', 'Another zone has this slug; give one of your own.'],
  applications_name: ['application_name_taken', 'Another application of the zone has this name.'],
  providers_name: ['provider_name_taken', 'Another provider of the zone has this name.'],
  resources_name: ['resource_name_taken', 'Another resource of the zone has this name.'],
  resources_identifier: [
    'resource_identifier_taken',
    'Another resource of the zone has this identifier.',
  ],
  subject_issuers_name: [
    'subject_issuer_name_taken',
    'Another subject issuer of the zone has this name.',
  ],
  subject_issuers_issuer: [
    'subject_issuer_taken',
    'Another subject issuer of the zone has this issuer; change that one.',
  ],
  policies_name: ['policy_name_taken', 'Another policy of the zone has this name.'],
  policy_sets_name: ['policy_set_name_taken', 'Another policy set of the zone has this name.'],
  webhooks_name: ['webhook_name_taken', 'Another webhook of the zone has this name.'],
  witnesses_name: ['witness_name_taken', 'Another witness of the zone has this name.'],
}

/**
 * SQLSTATE classes, and codes of sockets, in which the database is away rather than the call wrong.
 * A connection that ends during a query has no code, only the words of the driver.
 */
const unavailable = /^(08|53|57|ECONNREFUSED$|ECONNRESET$|EPIPE$)/
const broken =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

/** Whether the database failed a statement for a reason that passes: it says nothing of the call. */
export function isPassing(error: unknown): boolean {
  const fault = isFault(error) ? null : asFault(error)
  return fault?.code === 'conflict' || fault?.code === 'not_ready'
}

/** The refusal that an error stands for, or null where it is a fault of ours. */
export function asFault(error: unknown): Fault | null {
  if (isFault(error)) return error
  if (!(error instanceof Error)) return null
  const { code, constraint } = error as Error & { code?: string; constraint?: string }
  const clash = code === '23505' && constraint !== undefined ? clashes[constraint] : undefined
  if (clash !== undefined) return new Fault(clash[0], clash[1], { cause: error })
  // Text that PostgreSQL cannot hold, such as a NUL character, was the caller's.
  if (code === '22021' || code === '22P05')
    return new Fault('invalid_body', 'A text holds a character that cannot be stored.', {
      cause: error,
    })
  if (code === '40001' || code === '40P01')
    return new Fault('conflict', 'Another change came in between; send it again.', { cause: error })
  const away = code === undefined ? broken.test(error.message) : unavailable.test(code)
  return away
    ? new Fault('not_ready', 'The database is not available; try again.', { cause: error })
    : null
}
