import { expect } from 'vitest'
import { faultStatus, isFault, type Fault, type FaultCode } from '../../src/kernel/faults.ts'
import type { Answer, World } from '../world.ts'
import { requestIdOf } from './requests.ts'

/**
 * Expects a call to be refused with a code, in the one shape that errors have, with nothing written
 * but its one event.
 */
export async function expectRefused(
  world: World,
  code: FaultCode,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const [before, mark] = [await world.state(), await world.eventCount()]
  const answer = await call()
  expectError(answer, code)
  expect(await world.state(), 'state after the refusal').toBe(before)
  const events = await world.events(mark)
  expect(
    events.map(({ outcome, reason, request_id }) => ({ outcome, reason, request_id })),
  ).toEqual([{ outcome: 'refused', reason: code, request_id: requestIdOf(answer) }])
  return answer
}

/** Expects the shape of an error (admin-api.md, Conventions) with a code and its status. */
export function expectError(answer: Answer, code: FaultCode): void {
  expect({ status: answer.status, error: answer.body.error }, JSON.stringify(answer.body)).toEqual({
    status: faultStatus[code],
    error: code,
  })
  const { details, ...rest } = answer.body
  expect(rest).toEqual({
    error: code,
    error_description: expect.stringMatching(/\S/),
    request_id: requestIdOf(answer),
  })
  expect(details === undefined || typeof details === 'object').toBe(true)
}

/** The fault that a promise rejects with; anything else fails the test. */
export async function caught(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (isFault(error)) return error
  throw new Error('expected a refusal', { cause: error })
}
