import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue } from '../../tools/catalogue.ts'
import type { Capability, Operation } from '../../tools/operation.ts'
import { authorize } from '../../src/gate/authorize.ts'
import type { AdminPrincipal } from '../../src/gate/principal.ts'
import { isFault, type FaultCode } from '../../src/kernel/faults.ts'
import type { ZoneId } from '../../src/kernel/ids.ts'
import { findZone, type Zone } from '../../src/store/zones.ts'
import { absentIds } from '../support/any-input.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { startWorld, type World } from '../world.ts'

const operations: readonly Operation[] = catalogue
const rows = operations.map((operation) => [operation.id, operation] as const)
const every: readonly Capability[] = ['read', 'write', 'approve', 'audit', 'owner']
const sets = Array.from({ length: 31 }, (_, i) => every.filter((_, bit) => ((i + 1) >> bit) & 1))
const places = ['own', 'other', 'system'] as const

let world: World
/** Zones by what they are to the zone tokens: their own, another, the reserved one. */
let zones: Record<(typeof places)[number], Zone>
const tokens = new Map<string, string>()

beforeAll(async () => {
  world = await startWorld()
  const { db } = world.service.context
  await world.admin.zones.create({ name: 'other' })
  const zone = async (slug: string) => {
    const found = await findZone(db.unzoned, slug)
    if (found === undefined) throw new Error(`no zone ${slug}`)
    return found
  }
  zones = {
    own: await zone('default'),
    other: await zone('other'),
    system: await zone('caracal-sys'),
  }
  for (const one of every) {
    tokens.set(`global ${one}`, await world.automation(`global ${one}`, [one]))
    if (one !== 'owner')
      tokens.set(`zone ${one}`, await world.automation(`zone ${one}`, [one], zones.own.id))
  }
})

afterAll(() => world[Symbol.asyncDispose]())

interface Caller {
  readonly scope: 'global' | 'zone'
  readonly set: readonly Capability[]
}

/** The rule of admin-api.md, said once more and in other words than the code's. */
function expected(
  { capability, place, effect, callers }: Operation,
  { scope, set }: Caller,
  zone: keyof typeof zones,
): FaultCode | 'admitted' {
  if (scope === 'zone' && place === 'zone' && zone !== 'own') return 'admin_token_zone_mismatch'
  if (scope === 'zone' && place === 'platform') return 'global_scope_required'
  const holds = (...some: Capability[]) => some.some((one) => set.includes(one))
  switch (capability) {
    case 'read':
      if (!holds('read', 'write', 'owner')) return 'read_capability_required'
      break
    case 'write':
      if (!holds('write', 'owner')) return 'admin_token_read_only'
      break
    default:
      if (!holds(capability)) return `${capability}_capability_required`
  }
  if (place === 'zone' && zone === 'system' && effect !== 'read') return 'system_zone_read_only'
  return callers === 'agents' ? 'session_mandate_required' : 'admitted'
}

function decided(operation: Operation, { scope, set }: Caller, zone: Zone): string {
  const principal: AdminPrincipal = {
    ...{ kind: 'admin', id: 'prn_a', name: 'a', person: true, tokenId: 'adm_a' },
    zone: scope === 'zone' ? (zones.own.id as ZoneId) : null,
    capabilities: new Set(set),
  }
  try {
    authorize(principal, operation, operation.place === 'zone' ? zone : null)
    return 'admitted'
  } catch (error) {
    return isFault(error) ? error.code : String(error)
  }
}

describe.each(rows)('%s', (_, operation) => {
  test('is for whoever holds its capability, whatever else they hold, and nobody else', () => {
    for (const set of sets)
      for (const scope of ['global', 'zone'] as const)
        for (const zone of places) {
          const caller = { scope, set }
          expect(
            decided(operation, caller, zones[zone]),
            `${scope} ${set.join('+')} in the ${zone} zone`,
          ).toBe(expected(operation, caller, zone))
        }
  })

  test('is refused so over HTTP, before anything of it is read', async () => {
    const admitted = operation.route.method === 'GET' ? 'invalid_query' : 'invalid_body'
    const other: Capability = operation.capability === 'audit' ? 'read' : 'audit'
    for (const scope of ['global', 'zone'] as const)
      for (const one of [operation.capability, other]) {
        const token = tokens.get(`${scope} ${one}`)
        if (token === undefined) continue
        // A field that no operation has: whoever may make the call meets that refusal instead.
        const input = { ...absentIds(operation), undeclared_field: '1' }
        const code = expected(operation, { scope, set: [one] }, 'own')
        const answer = await callOperation(world, operation, zones.own.id, input, { token })
        expectError(answer, code === 'admitted' ? admitted : code)
      }
  })
})

const auditReads = catalogue
  .filter(({ capability, place }) => capability === 'audit' && place === 'zone')
  .map(({ id }) => id)

describe('an auditor', () => {
  test('reads the audit log and nothing else', async () => {
    const token = tokens.get('zone audit') ?? ''
    const may: string[] = []
    for (const operation of operations) {
      const answer = await callOperation(world, operation, zones.own.id, absentIds(operation), {
        token,
      })
      if (answer.status !== 403) may.push(operation.id)
    }
    expect(may).toEqual(auditReads)
  })
})

describe('a refused call', () => {
  test.each<[FaultCode, string, string, string, unknown]>([
    ['admin_token_read_only', 'global read', 'POST', '/v1/zones', { name: 'a' }],
    ['read_capability_required', 'zone audit', 'GET', 'applications', undefined],
    ['global_scope_required', 'zone write', 'POST', '/v1/zones', { name: 'a' }],
    ['owner_capability_required', 'global write', 'GET', '/v1/admin-tokens', undefined],
  ])('%s writes nothing but one event', async (code, caller, method, path, body) => {
    const token = tokens.get(caller) ?? ''
    await expectRefused(world, code, () => world.call(method, path, body, { token }))
  })

  test('in another zone is recorded in the log of that zone', async () => {
    const mark = await world.eventCount()
    const token = tokens.get('zone write') ?? ''
    await world.call('POST', `/v1/zones/${zones.other.id}/applications`, { name: 'a' }, { token })
    expect(await world.events(mark)).toMatchObject([
      { zone_id: zones.other.id, actor: 'zone write', reason: 'admin_token_zone_mismatch' },
    ])
  })
})

describe('the reserved zone', () => {
  test('can be read, and no operation changes it', async () => {
    const read = await world.call('GET', `/v1/zones/${zones.system.id}/overview`)
    expect(read.status).toBe(200)
    const changes = operations.filter(({ place, effect }) => place === 'zone' && effect !== 'read')
    for (const operation of changes)
      await expectRefused(world, 'system_zone_read_only', () =>
        callOperation(world, operation, 'caracal-sys', absentIds(operation)),
      )
  })
})
