import { describe, expect, test } from 'vitest'
import { accessGroups } from '../../src/console/access-groups.ts'
import { kindOf, labelOf, lineOf, visible } from '../../src/console/visible-text.ts'
import type { AccessTuple } from '../../src/console/views.ts'

describe('stored text', () => {
  test.each([
    ['plain, ünïcode 請求書', 'plain, ünïcode 請求書'],
    ['one\r\ntwo\tthree', 'one\ntwo\tthree'],
    ['invoice\u202Eexe.', 'invoice<U+202E>exe.'],
    ['zero\u200Bwidth', 'zero<U+200B>width'],
    ['bell\u0007', 'bell<U+0007>'],
    ['\u2028next', '<U+2028>next'],
    ['<b>bold</b> & "quoted"', '<b>bold</b> & "quoted"'],
  ])('%j is shown as %j', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  test.each([
    [null, '–'],
    ['', '""'],
    [[], '(none)'],
    [['a', 'b'], 'a, b'],
    [{ a: [1] }, '{"a":[1]}'],
    [false, 'false'],
  ])('the value %j is %j in a line', (value, line) => {
    expect(lineOf(value)).toBe(line)
  })

  test('names of fields and kinds are words', () => {
    expect(labelOf('created_at')).toBe('created at')
    expect(kindOf('policySetVersion')).toBe('policy set version')
  })
})

describe('effective access', () => {
  const tuple: AccessTuple = {
    application_id: 'app_1',
    application_name: 'billing',
    user_id: null,
    resource_id: 'res_1',
    resource_identifier: 'resource://invoices',
    resource_name: 'Invoices',
    scope: 'invoices:read',
    verdict: 'allow',
    rules: ['grant:grt_1'],
  }
  const write = { ...tuple, scope: 'invoices:write' }

  test('scopes on the same terms are one group', () => {
    const groups = accessGroups([tuple, write], new Map())
    expect(groups).toMatchObject([
      { scopes: ['invoices:read', 'invoices:write'], identifier: null, gated: false, until: null },
    ])
  })

  test.each([
    ['a user', { user_id: 'ann' }],
    ['a gate', { verdict: 'approval' as const }],
    ['an end', { rules: ['grant:grt_2'] }],
    ['another application of the same name', { application_id: 'app_2' }],
  ])('%s keeps scopes apart', (_, change) => {
    const ends = new Map([['grant:grt_2', '2026-12-01T00:00:00Z']])
    expect(accessGroups([tuple, { ...write, ...change }], ends)).toHaveLength(2)
  })

  test('resources of one name are told apart by their identifiers', () => {
    const other = { ...tuple, resource_id: 'res_2', resource_identifier: 'resource://invoices-2' }
    expect(accessGroups([tuple, other], new Map()).map(({ identifier }) => identifier)).toEqual([
      'resource://invoices',
      'resource://invoices-2',
    ])
  })

  test.each([
    ['the last grant that gives it', ['grant:a', 'grant:b'], '2026-12-02T00:00:00Z'],
    ['a grant without an end', ['grant:a', 'grant:forever'], null],
    ['a rule that is no grant', ['document:x'], null],
  ])('access ends with %s', (_, rules, until) => {
    const ends = new Map([
      ['grant:a', '2026-12-01T00:00:00Z'],
      ['grant:b', '2026-12-02T00:00:00Z'],
    ])
    expect(accessGroups([{ ...tuple, rules }], ends)).toMatchObject([{ until }])
  })
})
