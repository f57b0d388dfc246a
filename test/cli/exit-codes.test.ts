import { expect, test } from 'vitest'
import { CaracalError } from '../../src/client/caracal-error.ts'
import { CliError, exitCodeOf } from '../../src/cli/exit-codes.ts'
import { faultStatus, type FaultCode } from '../../src/kernel/faults.ts'
import { StartupError } from '../../src/kernel/startup-error.ts'

const refusals: readonly (readonly [FaultCode, number])[] = [
  ['invalid_body', 2],
  ['payload_too_large', 2],
  ['invalid_admin_token', 4],
  ['approve_capability_required', 4],
  ['application_name_taken', 4],
  ['revision_conflict', 4],
  ['plan_denied', 4],
  ['ambiguous_reference', 3],
  ['approval_required', 5],
  ['second_person_required', 5],
  ['break_glass_reason_required', 5],
  ['not_found', 1],
  ['rate_limited', 1],
  ['internal', 1],
]

test.each(refusals)('%s exits with %i', (code, exit) => {
  expect(exitCodeOf(new CaracalError({ status: faultStatus[code], code, message: '' }))).toBe(exit)
})

test.each([
  [
    'a code called like a property of every object',
    new CaracalError({ status: 0, code: 'toString', message: '' }),
    1,
  ],
  ['silence', new CaracalError({ status: 0, code: 'unreachable', message: '' }), 1],
  ['a refusal of the command itself', new CliError(3, 'ambiguous_reference', ''), 3],
  ['a service that cannot start', new StartupError('', ''), 1],
  ['anything else', new TypeError(), 1],
])('%s', (_, error, exit) => {
  expect(exitCodeOf(error)).toBe(exit)
})
