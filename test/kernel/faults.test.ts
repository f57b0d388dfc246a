import { STATUS_CODES } from 'node:http'
import { describe, expect, test } from 'vitest'
import { Fault, faultStatus, isFault, refuse, type FaultCode } from '../../src/kernel/faults.ts'

const codes = Object.keys(faultStatus) as FaultCode[]

describe.each(codes)('%s', (code) => {
  test('is a name in snake case with the status of an error', () => {
    expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/)
    expect(faultStatus[code]).toBeGreaterThanOrEqual(400)
    expect(Object.keys(STATUS_CODES)).toContain(String(faultStatus[code]))
  })
})

test('a fault carries its code, status, public facts, and its cause apart from them', () => {
  const cause = new Error('internal')
  const fault = new Fault('in_use', 'Something uses it.', { details: { by: 'x' }, cause })
  expect(fault).toMatchObject({ code: 'in_use', status: 409, details: { by: 'x' }, cause })
  expect(fault.message).toBe('Something uses it.')
  expect(JSON.stringify(fault)).not.toContain('internal')
})

test('refusing throws a fault; another error is none', () => {
  expect(() => refuse('not_found', 'It is not there.')).toThrow(Fault)
  expect(isFault(new Error('not_found'))).toBe(false)
  expect(isFault({ code: 'not_found', status: 404 })).toBe(false)
})

test('a code that is a property of every object is not in the table', () => {
  for (const name of ['constructor', 'toString', '__proto__'])
    expect(Object.hasOwn(faultStatus, name)).toBe(false)
})
