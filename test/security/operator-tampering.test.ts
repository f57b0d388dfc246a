import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultCode } from '../../src/kernel/faults.ts'
import { newId } from '../../src/kernel/ids.ts'
import { planDigest } from '../../src/operator/plans/plan-view.ts'
import type { PlanRecord } from '../../src/store/plans.ts'
import type { Capability } from '../../tools/operation.ts'
import {
  access,
  application,
  apply,
  approve,
  approved,
  expectApplyRefused,
  onPlan,
  propose,
  readPlan,
  type Plan,
} from '../support/plans.ts'
import { expectRefused } from '../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * A plan that was changed after its approval, an approval of something else, an authority that has
 * ended in between: nothing is written, and one refused event is left.
 */

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

async function zoned(): Promise<ZoneMaker> {
  make = await newZone(world)
  return make
}

async function tokenOf(kind: 'person' | 'automation', capabilities: Capability[]) {
  return world.admin.adminTokens.create({
    principal_name: freshName(kind),
    principal_kind: kind,
    zone_id: make.zone,
    capabilities,
  })
}

/** Changes the row of a plan as who owns the database could. */
async function tamper(plan: Plan, set: string, values: readonly unknown[] = []): Promise<void> {
  await world.sql(`update plans set ${set} where id = $1`, [plan.id, ...values])
}

/** The digest that the row has as it is: what an attacker would put there. */
async function redigest(plan: Plan): Promise<string> {
  const [row] = await world.sql<PlanRecord>('select * from plans where id = $1', [plan.id])
  if (row === undefined) throw new Error('the plan is gone')
  const digest = planDigest(row)
  await tamper(plan, 'digest = $2', [digest])
  return digest
}

const widen = `steps = jsonb_set(steps, '{2,input,scopes}', '["invoices:read","invoices:write"]')`

describe('an approved plan that was changed in the database', () => {
  const nothing = () => []

  test.each<readonly [string, string, () => readonly unknown[]]>([
    ['its steps', widen, nothing],
    ['a step less', 'steps = steps - 2', nothing],
    ['its preview', `preview = jsonb_set(preview, '{risk}', '"low"')`, nothing],
    ['the policy’s word in it', `preview = jsonb_set(preview, '{policy,approvals}', '0')`, nothing],
    ['the ids of what it makes', `assigned_ids = assigned_ids - 'app'`, nothing],
    ['the revision that it was seen on', `base_revisions = '{}'`, nothing],
    ['the policy set version', `policy_set_version_id = null`, nothing],
    ['its reach', `reach = 'platform'`, nothing],
    ['its risk', `risk = 'critical'`, nothing],
    ['how many approvals it needs', 'approvals_required = 0', nothing],
    ['who asked', 'requester_id = $2', () => [newId('principal', 0)]],
    ['its digest', 'digest = $2', () => [`sha256:${'0'.repeat(64)}`]],
    ['no digest at all', 'digest = null', nothing],
  ])('%s', async (_, set, values) => {
    const { zone } = await zoned()
    const plan = await approved(world, access('tampered'), { zone })
    await tamper(plan, set, values())
    await expectApplyRefused(world, plan, 'approval_mismatch', 'not asked for')
    expect((await readPlan(world, plan)).state).toBe('approved')
  })

  test('and got the digest that fits: the approval names another', async () => {
    const { zone } = await zoned()
    const plan = await approved(world, access('tampered'), { zone })
    await tamper(plan, widen)
    await redigest(plan)
    const answer = await expectApplyRefused(world, plan, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe('approval_digest_mismatch')
  })

  test('with the approval’s digest too: it would do something else than was shown', async () => {
    const { zone } = await zoned()
    const plan = await approved(world, access('tampered'), { zone })
    await tamper(plan, widen)
    const digest = await redigest(plan)
    await world.sql('update approvals set digest = $2 where plan_id = $1', [plan.id, digest])
    await expectApplyRefused(world, plan, 'plan_diverged', 'minted')
    expect(await readPlan(world, plan)).toMatchObject({
      state: 'failed',
      failure: { code: 'plan_diverged' },
    })
  })

  test('to rest on the authority of somebody else', async () => {
    const { zone } = await zoned()
    const plan = await approved(world, access('tampered'), { zone })
    const other = await tokenOf('person', ['read', 'write'])
    await tamper(plan, 'requester_token_id = $2', [other.id])
    const answer = await expectApplyRefused(world, plan, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe('requester_token_mismatch')
  })

  test('is not approved either', async () => {
    const { zone } = await zoned()
    const plan = await propose(world, access('tampered'), { zone })
    await tamper(plan, widen)
    await expectRefused(world, 'approval_mismatch', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest }),
    )
    const digest = await redigest(plan)
    await expectRefused(world, 'approval_mismatch', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest }),
    )
    expect(digest).not.toBe(plan.digest)
  })
})

describe('an approval that a person did not give', () => {
  interface Forgery {
    readonly approver_id: string
    readonly token_id: string
    readonly digest: string
    readonly consumed?: boolean
  }

  async function forge(plan: Plan, forgery: Forgery): Promise<void> {
    await world.sql(
      `insert into approvals (id, zone_id, plan_id, approver_id, approver_name, approver_token_id,
         digest, decision, break_glass, created_at, expires_at, consumed_at)
       values ($1, $2, $3, $4, 'forged', $5, $6, 'approve', false, now(), now() + '1 hour', $7)`,
      [
        newId('approval', world.now()),
        plan.zone_id,
        plan.id,
        forgery.approver_id,
        forgery.token_id,
        forgery.digest,
        forgery.consumed === true ? new Date() : null,
      ],
    )
    await tamper(plan, `state = 'approved'`)
  }

  test.each<readonly [string, string, (plan: Plan) => Promise<Forgery>]>([
    [
      'is an automation’s',
      'approver_lacks_capability',
      async ({ digest }) => {
        const { id, principal_id } = await tokenOf('automation', ['read', 'approve'])
        return { approver_id: principal_id, token_id: id, digest: digest ?? '' }
      },
    ],
    [
      'is of somebody who may not approve',
      'approver_lacks_capability',
      async ({ digest }) => {
        const { id, principal_id } = await tokenOf('person', ['read', 'write'])
        return { approver_id: principal_id, token_id: id, digest: digest ?? '' }
      },
    ],
    [
      'names one person and the token of another',
      'approver_lacks_capability',
      async ({ digest, requester }) => {
        const { id } = await tokenOf('person', ['read', 'approve'])
        return { approver_id: requester.id, token_id: id, digest: digest ?? '' }
      },
    ],
    [
      'is for a digest one byte off',
      'approval_digest_mismatch',
      async ({ digest }) => {
        const { id, principal_id } = await tokenOf('person', ['read', 'approve'])
        const off = (digest ?? '').replace(/.$/, (last) => (last === '0' ? '1' : '0'))
        return { approver_id: principal_id, token_id: id, digest: off }
      },
    ],
    [
      'was used before',
      'approval_consumed',
      async ({ digest }) => {
        const { id, principal_id } = await tokenOf('person', ['read', 'approve'])
        return { approver_id: principal_id, token_id: id, digest: digest ?? '', consumed: true }
      },
    ],
  ])('%s', async (_, reason, forgery) => {
    const { zone } = await zoned()
    const plan = await propose(world, access('forged'), { zone })
    await forge(plan, await forgery(plan))
    const answer = await expectApplyRefused(world, plan, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe(reason)
  })

  test('is the requester’s own where a second person is needed', async () => {
    const { zone } = await zoned()
    await tokenOf('person', ['approve'])
    const plan = await propose(world, [{ id: 'key', operation: 'zones.rotate_keys' }], { zone })
    const [token] = await world.sql<{ id: string }>(
      'select id from admin_tokens where principal_id = $1',
      [plan.requester.id],
    )
    const approver_id = plan.requester.id
    await forge(plan, { approver_id, token_id: token?.id ?? '', digest: plan.digest ?? '' })
    const answer = await expectApplyRefused(world, plan, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe('approver_is_requester')
  })

  test('lies beside a plan that still waits, or is not there at all', async () => {
    const { zone } = await zoned()
    const [waits, bare] = [
      await propose(world, [application('one')], { zone }),
      await propose(world, [application('two')], { zone }),
    ]
    const { id, principal_id } = await tokenOf('person', ['read', 'approve'])
    await forge(waits, { approver_id: principal_id, token_id: id, digest: waits.digest ?? '' })
    await tamper(waits, `state = 'pending_approval'`)
    await expectApplyRefused(world, waits, 'approval_required', 'not asked for')
    await tamper(bare, `state = 'approved'`)
    const answer = await expectApplyRefused(world, bare, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe('approvals_missing')
  })

  test('was given to another plan, or to this one before it was applied', async () => {
    const { zone } = await zoned()
    const [given, other] = [
      await approved(world, [application('one')], { zone }),
      await propose(world, [application('two')], { zone }),
    ]
    await world.sql('update approvals set plan_id = $2 where plan_id = $1', [given.id, other.id])
    await tamper(other, `state = 'approved'`)
    await expectApplyRefused(world, other, 'access_denied', 'denied')
    await world.sql('update approvals set plan_id = $2 where plan_id = $1', [other.id, given.id])
    await apply(world, given)
    await tamper(given, `state = 'approved'`)
    const answer = await expectApplyRefused(world, given, 'access_denied', 'denied')
    expect(answer.body.details.reason).toBe('approval_consumed')
  })
})

describe('an approve call for something else than the plan', () => {
  test.each<readonly [string, FaultCode, (plan: Plan, other: Plan) => unknown]>([
    [
      'the digest one byte off',
      'approval_mismatch',
      ({ digest }) => (digest ?? '').replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ],
    ['the digest of another plan', 'approval_mismatch', (_, other) => other.digest],
    ['the digest in upper case', 'invalid_body', ({ digest }) => digest?.toUpperCase()],
    ['half of the digest', 'invalid_body', ({ digest }) => digest?.slice(0, 39)],
    ['no digest', 'invalid_body', () => undefined],
  ])('%s: %s', async (_, code, digestOf) => {
    const { zone } = await zoned()
    const plan = await propose(world, [application('one')], { zone })
    const other = await propose(world, [application('two')], { zone })
    const body = { digest: digestOf(plan, other) }
    await expectRefused(world, code, () => onPlan(world, plan, 'approve', body))
    expect((await readPlan(world, plan)).approvals).toEqual([])
  })
})

describe('an authority that ended between approval and apply', () => {
  test.each<readonly [string, string, string]>([
    ['the requester’s token was revoked', 'requester', `revoked_at = now()`],
    ['the requester’s token has expired', 'requester', `expires_at = now() - interval '1 hour'`],
    ['the requester may only read', 'requester', `capabilities = '{read}'`],
    ['the approver’s token was revoked', 'approver', `revoked_at = now()`],
    ['the approver may no longer approve', 'approver', `capabilities = '{read}'`],
    ['the approver’s token has expired', 'approver', `expires_at = now() - interval '1 hour'`],
  ])('%s', async (_, who, set) => {
    const { zone } = await zoned()
    const tokens = {
      requester: await tokenOf('person', ['read', 'write']),
      approver: await tokenOf('person', ['read', 'approve']),
    }
    const asks = { zone, token: tokens.requester.token }
    const plan = await propose(world, access('ended'), asks)
    await approve(world, plan, { token: tokens.approver.token })
    const { id } = tokens[who as keyof typeof tokens]
    await world.sql(`update admin_tokens set ${set} where id = $1`, [id])
    await expectApplyRefused(world, plan, 'access_denied', 'denied')
    expect(await readPlan(world, plan)).toMatchObject({
      state: 'failed',
      failure: { code: 'access_denied' },
    })
  })
})
