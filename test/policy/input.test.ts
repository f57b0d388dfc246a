import { describe, expect, test } from 'vitest'
import { emptyDocuments } from '../../src/policy/bundle.ts'
import type { Condition } from '../../src/policy/document-schemas.ts'
import { localTimes, sliceDocuments, sourceAddress } from '../../src/policy/input.ts'
import { billing, reports } from './inputs.ts'

function at(timezone: string | undefined): Condition {
  const when = { days: ['mon' as const], ...(timezone === undefined ? {} : { timezone }) }
  return { id: 'c', effect: 'deny', when, reason: 'x' }
}

function condition(id: string, when: Condition['when']): Condition {
  return { id, effect: 'deny', when, reason: 'x' }
}

describe('local times', () => {
  test.each([
    ['UTC', '2025-06-30T23:59:59Z', 'mon', 1439],
    ['UTC', '2025-07-01T00:00:00Z', 'tue', 0],
    ['Asia/Tokyo', '2025-06-30T15:00:00Z', 'tue', 0],
    ['America/New_York', '2025-06-30T03:59:00Z', 'sun', 1439],
    ['Asia/Kathmandu', '2025-06-30T00:00:00Z', 'mon', 345],
    // The night in which Berlin's clocks skip from 02:00 to 03:00.
    ['Europe/Berlin', '2025-03-30T00:59:00Z', 'sun', 119],
    ['Europe/Berlin', '2025-03-30T01:00:00Z', 'sun', 180],
  ])('%s at %s', (timezone, instant, day, minute) => {
    expect(localTimes([at(timezone)], Date.parse(instant))).toEqual({ [timezone]: { day, minute } })
  })

  test('without a time zone it is UTC', () => {
    expect(localTimes([at(undefined)], 0)).toEqual({ UTC: { day: 'thu', minute: 0 } })
  })

  test('only what conditions ask for is told', () => {
    const anywhere: Condition = { id: 'c', effect: 'deny', when: { max_hops: 1 }, reason: 'x' }
    expect(localTimes([anywhere], 0)).toEqual({})
    expect(Object.keys(localTimes([at('UTC'), at('Asia/Tokyo'), at('UTC')], 0))).toHaveLength(2)
  })

  test('a time zone that the platform does not know is left out', () => {
    expect(localTimes([at('Mars/Olympus')], 0)).toEqual({})
  })

  test('the next minute is another time', () => {
    expect(localTimes([at('UTC')], 59_999)).toMatchObject({ UTC: { minute: 0 } })
    expect(localTimes([at('UTC')], 60_000)).toMatchObject({ UTC: { minute: 1 } })
  })
})

describe('the source address', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['localhost', null],
    ['10.0.0.256', null],
    ['', null],
    [undefined, null],
  ])('%s', (peer, address) => {
    expect(sourceAddress(peer)).toBe(address)
  })
})

test('a slice holds what is about the request, and inherits nothing', () => {
  const documents = {
    ...emptyDocuments,
    app_ids: { billing, reports },
    grants: { invoices: { roles: { reader: ['r'] } }, orders: { roles: {} } },
    risk: [
      { scope: 'invoices:*', tier: 'high' },
      { scope: 'orders:read', tier: 'low' },
    ],
    confinement: [
      { label_prefix: 'kind:', scopes: ['*'] },
      { label_prefix: 'other', scopes: ['*'] },
    ],
    conditions: [
      condition('labels', { labels: ['team:*'] }),
      condition('other-labels', { labels: ['team:b'] }),
      condition('subjects', { subjects: ['*'] }),
    ],
  }
  const request = {
    ...{ application: billing, labels: ['team:a', 'kind:managed'], user: null },
    ...{ resource: 'invoices', scopes: ['invoices:read'] },
  }
  const slice = sliceDocuments(documents, request)
  expect(slice).toMatchObject({
    app_ids: { billing },
    risk: [{ scope: 'invoices:*', tier: 'high' }],
  })
  expect(slice.confinement.map((one) => one.label_prefix)).toEqual(['kind:'])
  expect(slice.conditions.map(({ id }) => id)).toEqual(['labels'])
  expect(Object.keys(slice.app_ids)).toEqual(['billing'])
  expect(Object.keys(slice.grants)).toEqual(['invoices'])
  expect('plan_rules' in slice).toBe(false)
  for (const resource of ['constructor', '__proto__', 'nothing', null]) {
    expect(sliceDocuments(documents, { ...request, resource }).grants).toEqual({})
  }
})
