import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId, type Id } from '../../src/kernel/ids.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { apply, approve, digest, oneStep, person, plan, type PlanFields } from './control-rows.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

let database: FreshDatabase
let world: StsWorld
let t: Tenant

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  t = await tenant(world)
})

describe('a plan mandate', () => {
  test('carries exactly what the plan needs, its digest and its approvals, for a minute', async () => {
    const ada = await person(world, ['write'], t.zone)
    const bob = await person(world, ['approve'], t.zone)
    const id = await plan(world, t, ada, {
      steps: [
        ...oneStep,
        { id: 'res', operation: 'resources.create' },
        { id: 'grant', operation: 'grants.create' },
        { id: 'other', operation: 'applications.patch' },
      ],
    })
    const approval = await approve(world, t, id, bob)
    const mandate = await world.sts.verifyControl(await apply(world, id))
    expect(mandate).toMatchObject({
      clientId: world.system.executor,
      principalId: ada.principal,
      target: t.zone,
      scopes: ['applications:write', 'grants:write', 'resources:write'],
      plan: { id, digest, approvalIds: [approval] },
      conversationId: null,
    })
    expect(mandate.expiresAtMs - world.now()).toBeLessThanOrEqual(60_000)
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.plan_mandate',
      outcome: 'allow',
      plan_id: id,
      body: { approval_ids: [approval], on_behalf_of: { id: ada.principal } },
    })
  })

  test('for the platform targets the platform', async () => {
    const ada = await person(world, ['write'])
    const id = await plan(world, t, ada, {
      reach: 'platform',
      steps: [{ id: 'zone', operation: 'zones.create' }],
    })
    await approve(world, t, id, await person(world, ['approve']))
    const mandate = await world.sts.verifyControl(await apply(world, id))
    expect(mandate).toMatchObject({ target: 'platform', scopes: ['zones:write'] })
    expect((await world.events(world.system.zone)).at(-1)).toMatchObject({ plan_id: id })
  })

  const approved = async (fields: PlanFields, capabilities = ['write']): Promise<Id<'plan'>> => {
    const id = await plan(world, t, await person(world, capabilities), fields)
    await approve(world, t, id, await person(world, ['approve']))
    return id
  }

  const cases: readonly [string, () => Promise<Id<'plan'>>, string][] = [
    [
      'for a plan that nobody has approved',
      async () => plan(world, t, await person(world, ['write'])),
      'approvals_missing',
    ],
    [
      'for a plan that is not in the state approved',
      () => approved({ state: 'pending_approval' }),
      'plan_not_approved',
    ],
    ['for a plan applied before', () => approved({ state: 'applied' }), 'plan_not_approved'],
    ['for an expired plan', () => approved({ expiresAt: new Date(0) }), 'plan_expired'],
    ['for a requester who may only read', () => approved({}, ['read']), 'requester_lacks_scope'],
    ['for too few approvals', () => approved({ required: 2 }), 'approvals_missing'],
    [
      'for a step that no plan may hold',
      () => approved({ steps: [{ id: 'a', operation: 'admin_tokens.create' }] }),
      'plan_unreadable',
    ],
    [
      'for a step that approves',
      () => approved({ steps: [{ id: 'a', operation: 'plans.approve' }] }),
      'plan_unreadable',
    ],
    [
      'for a step that nobody knows',
      () => approved({ steps: [{ id: 'a', operation: '__proto__' }] }),
      'plan_unreadable',
    ],
    ['for no step', () => approved({ steps: [] }), 'nothing_requested'],
    [
      'for a plan that does not exist',
      () => Promise.resolve(newId('plan', 1)),
      'subject_token_unknown',
    ],
    ['in a system zone', () => approved({ zone: world.system.zone }), 'system_zone_refused'],
    [
      'on the platform, by who has one zone',
      async () => {
        const id = await plan(world, t, await person(world, ['write'], t.zone), {
          reach: 'platform',
          steps: [{ id: 'z', operation: 'zones.create' }],
        })
        await approve(world, t, id, await person(world, ['approve']))
        return id
      },
      'global_scope_required',
    ],
    [
      'on the platform, naming a system zone in a step',
      () =>
        approved({
          reach: 'platform',
          steps: [{ id: 'a', operation: 'applications.create', zone: 'caracal-sys' }],
        }),
      'system_zone_refused',
    ],
    [
      'when an approval names another digest',
      async () => {
        const id = await approved({})
        await approve(world, t, id, await person(world, ['approve']), {
          digest: `sha256:${'b'.repeat(64)}`,
        })
        return id
      },
      'approval_digest_mismatch',
    ],
    [
      'when the approval was used',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['approve']), { consumed: true })
        return id
      },
      'approval_consumed',
    ],
    [
      'when the approval has expired',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['approve']), { expiresAt: new Date(0) })
        return id
      },
      'approval_expired',
    ],
    [
      'when the decision was to reject',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['approve']), { decision: 'reject' })
        return id
      },
      'approvals_missing',
    ],
    [
      'when the approver may not approve',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['owner']))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver is no person',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['approve'], null, 'automation'))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver has lost the token since',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        const bob = await person(world, ['approve'])
        await approve(world, t, id, bob)
        await world.rows('update admin_tokens set revoked_at = now() where id = $1', [bob.token])
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver is of another zone',
      async () => {
        const id = await plan(world, t, await person(world, ['write']))
        await approve(world, t, id, await person(world, ['approve'], (await tenant(world)).zone))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the requester alone approved what needs two',
      async () => {
        const ada = await person(world, ['write', 'approve'])
        const id = await plan(world, t, ada, { secondPerson: true })
        await approve(world, t, id, ada)
        return id
      },
      'approver_is_requester',
    ],
    [
      'when the preview does not say whether it needs two',
      async () => {
        const ada = await person(world, ['write', 'approve'])
        const id = await plan(world, t, ada, { secondPerson: null })
        await approve(world, t, id, ada)
        return id
      },
      'approver_is_requester',
    ],
    [
      'when two approvals are one person’s',
      async () => {
        const id = await plan(world, t, await person(world, ['write']), { required: 2 })
        const bob = await person(world, ['approve'])
        await approve(world, t, id, bob)
        await approve(world, t, id, bob)
        return id
      },
      'approvals_missing',
    ],
  ]
  test.each(cases)('is refused %s', async (_name, make, reason) => {
    const id = await make()
    await expect(apply(world, id)).rejects.toMatchObject({ details: { reason } })
    const logs = [...(await world.events(t.zone)), ...(await world.events(world.system.zone))]
    expect(logs.filter((event) => event.body.reason === reason).at(-1)).toMatchObject({
      type: 'token.plan_mandate',
      outcome: 'deny',
      body: { mandate_jti: null },
    })
  })

  test('is not for the half of the Operator that talks', async () => {
    const id = await approved({})
    const asTalker = { ...world.system, executor: world.system.operator }
    await using other = await startWorld(database.connection, world.masterKey)
    other.serveAs(world.url)
    Object.assign(other.context, { system: () => asTalker })
    await expect(
      other.sts.planMandate({ planId: id, requestId: newId('request', world.now()) }),
    ).rejects.toMatchObject({ details: { reason: 'client_not_operator' } })
  })

  test('never carries a scope that approves, whatever operations a plan names', async () => {
    for (const { id: operation, scope, plannable } of catalogue) {
      const id = await approved({ steps: [{ id: 'a', operation }] }, ['owner', 'approve', 'audit'])
      const outcome = await apply(world, id).then(
        async (token) => (await world.sts.verifyControl(token)).scopes,
        () => [],
      )
      expect([operation, outcome]).toEqual([operation, plannable ? [scope] : []])
      expect(outcome).not.toContain('plans:approve')
    }
  })
})
