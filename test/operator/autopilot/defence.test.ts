import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../../src/kernel/ids.ts'
import { proofOf } from '../../../src/operator/autopilot/proof.ts'
import type { ProofFacts } from '../../../src/operator/autopilot/facts.ts'
import {
  approvedOnly,
  autopiloted,
  obedient,
  order,
  revocation,
  switchOn,
} from '../../support/autopilot.ts'
import {
  access,
  application,
  expectApplyRefused,
  readPlan,
  type Plan,
  type PlanStep,
} from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/*
 * An approval by autopilot that should never have been given, written past the service: the STS and
 * the apply each decide for themselves, and neither believes it.
 */

const model = scriptedModel()
obedient(model)
let world: World

beforeAll(async () => {
  world = await startWorld({ model })
  await switchOn(world)
})
afterAll(() => world[Symbol.asyncDispose]())

/** The facts of an honest proof in the zone, to be forged from. */
async function honestFacts(zone: string): Promise<ProofFacts> {
  const [row] = await world.sql<{ facts: ProofFacts }>(
    `select proof->'facts' as facts from approvals where zone_id = $1 and kind = 'autopilot'`,
    [zone],
  )
  if (row === undefined) throw new Error('nothing was proven here')
  return row.facts
}

/** A plan that autopilot has left to people, with its approval forged. */
async function forged(steps: readonly PlanStep[]): Promise<Plan> {
  const make = await newZone(world)
  const conversation = await autopiloted(world, make)
  await order(world, conversation, [await revocation(make)])
  const plan = await order(world, conversation, steps)
  expect(plan).toMatchObject({ state: 'pending_approval', approvals: [] })
  const proof = proofOf(await honestFacts(make.zone))
  await world.sql(
    `insert into approvals (id, zone_id, plan_id, approver_id, approver_name, approver_token_id,
       digest, decision, kind, proof, switch_generation, break_glass, created_at, expires_at)
     select $1, p.zone_id, p.id, c.principal_id, c.principal_name, c.autopilot_token_id,
       p.digest, 'approve', 'autopilot', $2, s.generation, false, now(), now() + interval '1 hour'
     from plans p join conversations c on c.id = p.conversation_id, autopilot_switch s
     where p.id = $3`,
    [newId('approval', world.now()), JSON.stringify(proof), plan.id],
  )
  await world.sql(`update plans set state = 'approved' where id = $1`, [plan.id])
  return plan
}

test('the STS mints nothing for a plan by which somebody gains access', async () => {
  const plan = await forged(access('forged'))
  await expectApplyRefused(world, plan, 'autopilot_unproven', 'denied')
})

test('the apply keeps nothing of a plan that an obligation does not hold for', async () => {
  const plan = await forged([application('forged')])
  await expectApplyRefused(world, plan, 'autopilot_unproven', 'minted')
  expect(await readPlan(world, plan)).toMatchObject({
    state: 'failed',
    failure: { code: 'autopilot_unproven' },
  })
})

test('with the admin token of whoever has opted in, the approval ends', async () => {
  const make = await newZone(world)
  const { token, id } = await world.admin.adminTokens.create({
    principal_name: 'short-lived',
    principal_kind: 'person',
    zone_id: make.zone,
    capabilities: ['read', 'write', 'approve'],
  })
  const as = { zone: make.zone, token }
  const plan = await approvedOnly(world, await autopiloted(world, as), [await revocation(make)], as)
  await world.sql(`update admin_tokens set capabilities = '{read,write}' where id = $1`, [id])
  const answer = await expectApplyRefused(world, plan, 'access_denied', 'denied')
  expect(answer.body.details).toMatchObject({ reason: 'approver_lacks_capability' })
})
