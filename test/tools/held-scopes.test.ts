import { describe, expect, test } from 'vitest'
import { holds } from '../../src/gate/authorize.ts'
import type { AdminPrincipal } from '../../src/gate/principal.ts'
import { catalogue, controlScopes, readScopes } from '../../tools/catalogue.ts'
import { scopesHeldBy } from '../../tools/held-scopes.ts'

describe('the control scopes of an admin token', () => {
  test.each([
    ['nothing', [], false, []],
    ['what nobody knows', ['root', '__proto__'], true, []],
    [
      'approve',
      ['approve'],
      false,
      ['approvals:approve', 'autopilot:approve', 'conversations:approve', 'plans:approve'],
    ],
    ['audit', ['audit'], false, ['audit:read', 'plans:prove']],
    ['audit everywhere', ['audit'], true, ['audit:read', 'plans:prove']],
  ] as const)('of %s', (_name, capabilities, global, scopes) => {
    expect(scopesHeldBy(capabilities, global)).toEqual(scopes)
  })

  test('of read are reads and talk, of the zone', () => {
    const held = scopesHeldBy(['read'], false)
    expect(held.filter((scope) => !scope.endsWith(':read'))).toEqual(['conversations:converse'])
    expect(held).not.toContain('audit:read')
    expect(held).not.toContain('admin_tokens:read')
  })

  test('of write include those of read, of owner those of write, and never approve', () => {
    for (const global of [false, true]) {
      const [read, write, owner] = ['read', 'write', 'owner'].map((one) =>
        scopesHeldBy([one], global),
      )
      expect(write).toEqual(expect.arrayContaining([...(read ?? [])]))
      expect(owner).toEqual(expect.arrayContaining([...(write ?? [])]))
      expect(owner).not.toContain('plans:approve')
    }
  })

  test('of everything are all that there are', () => {
    const all = ['read', 'write', 'approve', 'audit', 'owner']
    expect(scopesHeldBy(all, true)).toEqual(controlScopes)
    expect(readScopes.every((scope) => scopesHeldBy(all, true).includes(scope))).toBe(true)
  })

  test('are those of the operations that the door would let the token call', () => {
    for (const capability of ['read', 'write', 'approve', 'audit', 'owner'] as const) {
      const principal: AdminPrincipal = {
        kind: 'admin',
        id: 'prn_1',
        name: 'Ada',
        person: true,
        tokenId: 'adm_1',
        zone: null,
        capabilities: new Set([capability]),
      }
      const callable = catalogue.filter((one) => holds(principal, one.capability))
      const scopes = [...new Set(callable.map(({ scope }) => scope))].sort()
      expect(scopesHeldBy([capability], true)).toEqual(scopes)
    }
  })

  test('each belong to an operation that such a token may call', () => {
    for (const capability of ['read', 'write', 'approve', 'audit', 'owner'])
      for (const scope of scopesHeldBy([capability], false))
        expect(catalogue.some((one) => one.scope === scope && one.place !== 'platform')).toBe(true)
  })
})
