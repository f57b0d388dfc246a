import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  approvedOnly,
  autopiloted,
  obedient,
  opt,
  proposeIn,
  revocation,
  switchOff,
  switchOn,
} from '../../support/autopilot.ts'
import { converse } from '../../support/conversations.ts'
import { access, apply, approve, onPlan, readPlan, type PlanStep } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName, newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
let world: World

beforeAll(async () => {
  world = await startWorld({ model })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('off by default', () => {
  test('nobody can opt in, and a plan waits', async () => {
    const make = await newZone(world)
    const conversation = await converse(world, make)
    expect(conversation.autopilot).toBe(false)
    await expectRefused(world, 'autopilot_off', () => opt(world, conversation, 'on'))
    const { plan } = await proposeIn(world, model, conversation, [await revocation(make)])
    expect(plan).toMatchObject({ state: 'pending_approval', approvals: [] })
  })

  test('the status says so', async () => {
    const { body } = await world.call('GET', '/v1/operator/autopilot')
    expect(body).toMatchObject({ enabled: false, written_today: 0, changed_by: null })
  })
})

describe('switched on', () => {
  test('a conversation that has not opted in is left alone, without an event', async () => {
    await switchOn(world)
    const make = await newZone(world)
    const mark = await world.eventCount()
    const step = await revocation(make)
    const { plan } = await proposeIn(world, model, await converse(world, make), [step])
    expect(plan.state).toBe('pending_approval')
    const types = (await world.events(mark)).map(({ type }) => type)
    expect(types).not.toContain('autopilot.approve')
  })

  test('a plan that takes access away is approved by proof and applied', async () => {
    await switchOn(world)
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    const step = await revocation(make)
    const mark = await world.eventCount()
    const { plan, reply } = await proposeIn(world, model, conversation, [step])
    expect(plan.state).toBe('applied')
    expect(plan.approvals).toMatchObject([
      {
        kind: 'autopilot',
        digest: plan.digest,
        approver: { name: 'administrator', id: plan.requester.id },
        proof: { format: 'caracal-proof/1', facts: { outcome: { gained: 0, lost: 1 } } },
      },
    ])
    expect(reply.text).toContain(`Autopilot has approved and applied plan ${plan.id}.`)
    const left = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(left).toEqual([
      'conversations.send applied',
      'token.read_mandate allow',
      'plans.create applied',
      'autopilot.approve applied',
      'token.plan_mandate allow',
      'grants.delete applied',
      'plans.apply applied',
      'model.answer allow',
    ])
    const { body } = await world.call('GET', '/v1/operator/autopilot')
    expect(body).toMatchObject({ enabled: true, changed_by: { name: 'administrator' } })
  })

  const left: readonly (readonly [string, () => PlanStep[]])[] = [
    ['gives access', () => access('given')],
    ['renames the zone', () => [{ id: 'z', operation: 'zones.patch', input: { name: 'x' } }]],
  ]
  test.each(left)('a plan that %s is left to people, with one event', async (_, steps) => {
    await switchOn(world)
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    const before = await world.state()
    const mark = await world.eventCount()
    const { plan, reply } = await proposeIn(world, model, conversation, steps())
    expect(plan).toMatchObject({ state: 'pending_approval', approvals: [] })
    expect(await world.state()).toBe(before)
    expect(reply.text).toContain(`Autopilot leaves plan ${plan.id} to you.`)
    const events = (await world.events(mark)).filter(({ type }) => type === 'autopilot.approve')
    expect(events).toMatchObject([{ outcome: 'refused', plan_id: plan.id }])
  })
})

describe('who switches', () => {
  test('an automation does not switch it on, and can stop it', async () => {
    const token = await world.automation(freshName('robot'), ['read', 'approve'])
    await expectRefused(world, 'person_required', () =>
      world.call('POST', '/v1/operator/autopilot/on', {}, { token }),
    )
    await switchOn(world)
    expect((await switchOff(world, token)).body).toMatchObject({ enabled: false })
  })

  test('who approves in one zone alone does not switch it on, and can stop it', async () => {
    const { zone } = await newZone(world)
    const token = await world.person(freshName('bob'), ['read', 'approve'], zone)
    await expectRefused(world, 'global_scope_required', () =>
      world.call('POST', '/v1/operator/autopilot/on', {}, { token }),
    )
    await switchOn(world)
    const mark = await world.eventCount()
    expect((await switchOff(world, token)).body).toMatchObject({ enabled: false })
    expect(await world.events(mark)).toMatchObject([{ type: 'autopilot.off', outcome: 'applied' }])
  })

  test('who may not approve does neither', async () => {
    const token = await world.person(freshName('eve'), ['read', 'write', 'audit'])
    for (const way of ['on', 'off'])
      await expectRefused(world, 'approve_capability_required', () =>
        world.call('POST', `/v1/operator/autopilot/${way}`, {}, { token }),
      )
  })

  test('opting in is for the person themselves, who may approve, in agent mode', async () => {
    await switchOn(world)
    const make = await newZone(world)
    const writer = await world.person(freshName('writer'), ['read', 'write'], make.zone)
    const own = await converse(world, { zone: make.zone, token: writer })
    await expectRefused(world, 'approve_capability_required', () =>
      opt(world, own, 'on', { token: writer }),
    )
    await expectRefused(world, 'not_found', () => opt(world, own, 'on'))
    const ask = await converse(world, { zone: make.zone, mode: 'ask' })
    await expectRefused(world, 'mode_is_ask', () => opt(world, ask, 'on'))
    const token = await world.automation(freshName('robot'), ['read', 'write', 'approve'])
    const robot = await converse(world, { zone: make.zone, token })
    await expectRefused(world, 'person_required', () => opt(world, robot, 'on', { token }))
  })

  test('opted out, plans wait again', async () => {
    await switchOn(world)
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    expect((await opt(world, conversation, 'off')).body).toMatchObject({ autopilot: false })
    const { plan } = await proposeIn(world, model, conversation, [await revocation(make)])
    expect(plan.state).toBe('pending_approval')
  })
})

describe('the kill switch', () => {
  async function released() {
    await switchOn(world)
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    obedient(model)
    const plan = await approvedOnly(world, conversation, [await revocation(make)])
    expect(plan).toMatchObject({ state: 'approved', approvals: [{ kind: 'autopilot' }] })
    return { plan, conversation }
  }

  test('keeps what was approved from being applied; a person can still approve it', async () => {
    const { plan } = await released()
    await switchOff(world)
    const before = await world.state()
    const mark = await world.eventCount()
    const answer = await onPlan(world, plan, 'apply')
    expect(answer).toMatchObject({ status: 409, body: { error: 'autopilot_off' } })
    expect(await world.state()).toBe(before)
    const events = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(events).toEqual(['token.plan_mandate deny', 'plans.apply refused'])
    // Switched on again, what was approved before the kill stays dead.
    await switchOn(world)
    expect((await onPlan(world, plan, 'apply')).body.error).toBe('autopilot_off')
    await approve(world, plan)
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('so does opting out', async () => {
    const { plan, conversation } = await released()
    await opt(world, conversation, 'off')
    expect((await onPlan(world, plan, 'apply')).body.error).toBe('autopilot_off')
    expect((await readPlan(world, plan)).state).toBe('approved')
  })

  test('otherwise it is applied by whoever calls', async () => {
    const { plan } = await released()
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })
})
