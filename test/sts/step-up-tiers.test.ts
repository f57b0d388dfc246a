import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gatedClient } from '../support/gated.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
/** Admin tokens of people who may approve, by name. */
const people = new Map<string, string>()

beforeAll(async () => {
  world = await startWorld()
  for (const name of ['ada', 'bob', 'cyd']) people.set(name, await world.person(name, ['approve']))
  people.set('eve', await world.person('eve', ['approve', 'audit']))
})
afterAll(() => world[Symbol.asyncDispose]())

const risk = [{ scope: 'invoices:write', tier: 'high' }]
function tier(more: object) {
  return [{ tier: 'high', approver: 'approve', ttl_seconds: 600, ...more }]
}

function ask(id: string, when: object) {
  return { id, effect: 'approval', reason: 'asked', when }
}

const everywhere = { source_cidrs: ['0.0.0.0/0', '::/0'] }
const nowhere = { source_cidrs: ['203.0.113.0/24'] }

interface Row {
  readonly why: string
  readonly documents: object
  /** Undefined: the request leaves the scopes to the zone. */
  readonly scope?: string
  /** What is held, or null where the request is not. */
  readonly held: { readonly tiers: readonly string[]; readonly scopes: readonly string[] } | null
  /** Who approves in turn, each before the last of whom the request still waits. */
  readonly approvers?: readonly string[]
  readonly granted: string
}

const high = { tiers: ['high'], scopes: ['invoices:write'] }
const both = 'invoices:read invoices:write'

const rows: readonly Row[] = [
  { why: 'a risk without a tier', documents: { risk }, scope: both, held: null, granted: both },
  {
    why: 'a tier without a risk',
    documents: { approval_tiers: tier({}) },
    scope: both,
    held: null,
    granted: both,
  },
  {
    why: 'a quorum of one',
    documents: { risk, approval_tiers: tier({}) },
    scope: 'invoices:write',
    held: high,
    approvers: ['ada'],
    granted: 'invoices:write',
  },
  {
    why: 'a quorum of two',
    documents: { risk, approval_tiers: tier({ quorum: 2 }) },
    scope: 'invoices:write',
    held: high,
    approvers: ['ada', 'bob'],
    granted: 'invoices:write',
  },
  {
    why: 'a quorum of three',
    documents: { risk, approval_tiers: tier({ quorum: 3 }) },
    scope: 'invoices:write',
    held: high,
    approvers: ['ada', 'bob', 'cyd'],
    granted: 'invoices:write',
  },
  {
    why: 'a tier of a named person',
    documents: { risk, approval_tiers: tier({ approver: 'Bob' }) },
    scope: 'invoices:write',
    held: high,
    approvers: ['bob'],
    granted: 'invoices:write',
  },
  {
    why: 'a tier of a capability',
    documents: { risk, approval_tiers: tier({ approver: 'audit' }) },
    scope: 'invoices:write',
    held: high,
    approvers: ['eve'],
    granted: 'invoices:write',
  },
  {
    why: 'one gated scope of two that are asked for',
    documents: { risk, approval_tiers: tier({}) },
    scope: both,
    held: high,
    approvers: ['ada'],
    granted: both,
  },
  {
    why: 'one gated scope of two that the zone chooses from',
    documents: { risk, approval_tiers: tier({}) },
    held: null,
    granted: 'invoices:read',
  },
  {
    why: 'nothing but gated scopes to choose from',
    documents: { risk: [{ scope: 'invoices:*', tier: 'high' }], approval_tiers: tier({}) },
    held: { tiers: ['high'], scopes: ['invoices:read', 'invoices:write'] },
    approvers: ['ada'],
    granted: both,
  },
  {
    why: 'a gated scope beside a denied one to choose from',
    documents: {
      risk,
      approval_tiers: tier({}),
      confinement: [{ label_prefix: 'kind:', scopes: ['invoices:write'] }],
    },
    held: high,
    approvers: ['ada'],
    granted: 'invoices:write',
  },
  {
    why: 'a condition that applies',
    documents: { conditions: [ask('home', everywhere)] },
    scope: both,
    held: { tiers: ['condition:home'], scopes: ['invoices:read', 'invoices:write'] },
    approvers: ['ada'],
    granted: both,
  },
  {
    why: 'a condition on one scope',
    documents: { conditions: [ask('writes', { scopes: ['invoices:write'] })] },
    scope: both,
    held: { tiers: ['condition:writes'], scopes: ['invoices:write'] },
    approvers: ['ada'],
    granted: both,
  },
  {
    why: 'a condition that does not apply',
    documents: { conditions: [ask('away', nowhere)] },
    scope: both,
    held: null,
    granted: both,
  },
  {
    why: 'a tier and a condition, both met by one person',
    documents: { risk, approval_tiers: tier({}), conditions: [ask('home', everywhere)] },
    scope: 'invoices:write',
    held: { tiers: ['high', 'condition:home'], scopes: ['invoices:write'] },
    approvers: ['ada'],
    granted: 'invoices:write',
  },
  {
    why: 'two tiers of different people',
    documents: {
      risk: [...risk, { scope: 'invoices:*', tier: 'sox' }],
      approval_tiers: [
        ...tier({ approver: 'ada' }),
        { tier: 'sox', approver: 'audit', ttl_seconds: 60 },
      ],
    },
    scope: both,
    held: { tiers: ['high', 'sox'], scopes: ['invoices:read', 'invoices:write'] },
    approvers: ['eve', 'ada'],
    granted: both,
  },
]

describe('what a policy gates', () => {
  test.each(rows)('$why', async ({ documents, scope = '', held, approvers = [], granted }) => {
    const make = await newZone(world)
    const client = await gatedClient(make, documents)
    let answer = await client.ask({ scope })
    if (held !== null) {
      expect(answer.body, JSON.stringify(answer.body)).toMatchObject({
        error: 'interaction_required',
        tier: held.tiers[0],
        missing: held.scopes,
      })
      const approval_id = String(answer.body.approval_id)
      expect(
        (await make.call('approvals.get', { approval_id })).tiers.map((one) => one.tier),
      ).toEqual(held.tiers)
      for (const name of approvers) {
        world.pass(5_000)
        answer = await client.ask({ scope })
        expect(answer.body.reason, `before ${name}`).toBe('approval_pending')
        await make.call('approvals.approve', { approval_id }, { token: people.get(name) ?? '' })
      }
      answer = await client.ask({ scope })
    }
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect(answer.body.scope).toBe(granted)
  })

  test('a denial says so before anything is held', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make, {
      risk,
      approval_tiers: tier({}),
      confinement: [{ label_prefix: 'kind:', scopes: ['invoices:write'] }],
    })
    const answer = await client.ask({ scope: both })
    expect(answer.body).toMatchObject({ error: 'access_denied', reason: 'confined' })
    expect((await make.call('approvals.list', {})).items).toEqual([])
  })

  test('a hold lasts as long as the shortest of its tiers', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make, {
      risk: [...risk, { scope: 'invoices:*', tier: 'sox' }],
      approval_tiers: [...tier({}), { tier: 'sox', approver: 'approve', ttl_seconds: 60 }],
    })
    expect((await client.ask()).body.expires_in).toBe(60)
  })
})
