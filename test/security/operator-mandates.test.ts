import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultCode } from '../../src/kernel/faults.ts'
import type { Id } from '../../src/kernel/ids.ts'
import { applyPlan } from '../../src/operator/plans/apply.ts'
import { openTx } from '../../src/store/tx.ts'
import type { ControlPrincipal } from '../../src/gate/principal.ts'
import { catalogue } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { examples } from '../support/examples.ts'
import { application, apply, approved, propose, readPlan, type Plan } from '../support/plans.ts'
import { expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * The model approves its own plan: no mandate that the Operator can get approves, and none writes
 * but the one of an approved plan, inside the apply that it was minted for.
 */

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

const operations: readonly Operation[] = catalogue

function byId(id: string): Operation {
  const found = operations.find((operation) => operation.id === id)
  if (found === undefined) throw new Error(`no operation ${id}`)
  return found
}

async function readMandate(mode: 'ask' | 'agent' = 'agent', zone = make.zone): Promise<string> {
  const opened = await world.call('POST', `/v1/zones/${zone}/operator/conversations`, { mode })
  return mandateFor(opened.body.id as Id<'conversation'>)
}

function mandateFor(conversationId: Id<'conversation'>): Promise<string> {
  return world.service.context.sts.readMandate({ conversationId, requestId: freshName('req') })
}

function planMandate(plan: Plan): Promise<string> {
  const planId = plan.id as Id<'plan'>
  return world.service.context.sts.planMandate({ planId, requestId: freshName('req') })
}

async function principalOf(token: string): Promise<ControlPrincipal> {
  const { context } = world.service
  return context.controlPrincipal(await context.sts.verifyControl(token))
}

function released(): Promise<Plan> {
  return approved(world, [application(freshName('agent'))], { zone: make.zone })
}

function claimsOf(token: string): Record<string, unknown> {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return JSON.parse(claims) as Record<string, unknown>
}

describe('a mandate to read', () => {
  const refused = (id: string): FaultCode => {
    const { capability, place } = byId(id)
    if (capability === 'approve') return 'control_cannot_approve'
    return place === 'platform' ? 'global_scope_required' : 'control_scope_required'
  }
  const beyondReading = operations.filter(
    ({ effect, scope }) => effect !== 'read' && scope !== 'plans:propose',
  )

  test.each(beyondReading.map(({ id }) => id))('does not do %s', async (id) => {
    const input = await examples[id as keyof typeof examples](make)
    const token = await readMandate()
    await expectRefused(world, refused(id), () =>
      callOperation(world, byId(id), make.zone, input, { token }),
    )
  })

  test('reads no admin token', async () => {
    const token = await readMandate()
    await expectRefused(world, 'global_scope_required', () =>
      world.call('GET', '/v1/admin-tokens', undefined, { token }),
    )
  })

  test('proposes in agent mode, for the person, whose approval the plan awaits', async () => {
    const token = await readMandate()
    const before = await world.state()
    const plan = await propose(world, [application(freshName('agent'))], {
      token,
      zone: make.zone,
    })
    expect(plan).toMatchObject({
      state: 'pending_approval',
      origin: 'chat',
      requester: { name: 'administrator' },
    })
    expect(await world.state()).toBe(before)
  })

  test('carries no scope to propose in ask mode', async () => {
    const token = await readMandate('ask')
    expect(String(claimsOf(token)['scope'])).not.toMatch(/propose|write|approve/)
    const steps = [application(freshName('agent'))]
    await expectRefused(world, 'control_scope_required', () =>
      world.call('POST', `/v1/zones/${make.zone}/plans`, { steps }, { token }),
    )
  })

  test('is for its zone, whatever the path says', async () => {
    const other = await newZone(world)
    const token = await readMandate()
    for (const path of ['grants', 'plans', 'audit'])
      await expectRefused(world, 'mandate_zone_mismatch', () =>
        world.call('GET', `/v1/zones/${other.zone}/${path}`, undefined, { token }),
      )
  })

  test('holds no more than the person who talks: a reader’s plan cannot be made', async () => {
    const reader = await world.person(freshName('reader'), ['read'], make.zone)
    const opened = await make.call('conversations.create', {}, { token: reader })
    const token = await mandateFor(opened.id as Id<'conversation'>)
    expect(String(claimsOf(token)['scope'])).not.toContain('propose')
  })
})

describe('the mandate of a plan', () => {
  test.each(operations.map(({ id }) => id))('does not do %s by itself', async (id) => {
    const { capability, place } = byId(id)
    const input = await examples[id as keyof typeof examples](make)
    const token = await planMandate(await released())
    const code =
      capability === 'approve'
        ? 'control_cannot_approve'
        : place === 'platform'
          ? 'global_scope_required'
          : 'control_scope_required'
    await expectRefused(world, code, () =>
      callOperation(world, byId(id), make.zone, input, { token }),
    )
  })

  /** The apply of a plan under a mandate that the caller brings, as no route lets anybody. */
  async function applyUnder(plan: Plan, mandate: ControlPrincipal): Promise<unknown> {
    const { context } = world.service
    const caller = { ...mandate, kind: 'system' } as const
    return context.db.transaction(make.zone as Id<'zone'>, (queries) => {
      const tx = openTx(queries, make.zone as Id<'zone'>, world.now())
      const call = {
        ...tx,
        surface: 'api' as const,
        principal: caller,
        requestId: 'r',
        traceId: undefined,
        rehearsal: false,
      }
      return applyPlan(context, call, { plan_id: plan.id }, mandate)
    })
  }

  test('applies no other plan, no other digest of it, and nothing twice', async () => {
    const [one, two] = [await released(), await released()]
    const mandate = await principalOf(await planMandate(one))
    const before = await world.state()
    await expect(applyUnder(two, mandate)).rejects.toMatchObject({ code: 'approval_mismatch' })
    const moved = {
      ...mandate,
      plan: mandate.plan && { ...mandate.plan, digest: two.digest ?? '' },
    }
    await expect(applyUnder(one, moved)).rejects.toMatchObject({ code: 'approval_mismatch' })
    await expect(applyUnder(one, { ...mandate, plan: null })).rejects.toMatchObject({
      code: 'approval_mismatch',
    })
    await world.sql(
      `insert into used_once (zone_id, purpose, value, expires_at)
       values ($1, 'plan_mandate', $2, now() + interval '1 hour')`,
      [make.zone, mandate.jti],
    )
    await expect(applyUnder(one, mandate)).rejects.toMatchObject({ code: 'approval_not_valid' })
    expect(await world.state()).toBe(before)
    expect((await readPlan(world, one)).state).toBe('approved')
  })

  test('is minted for no plan that has been applied, or is not approved', async () => {
    const done = await released()
    await apply(world, done)
    const open = await propose(world, [application(freshName('agent'))], { zone: make.zone })
    for (const plan of [done, open])
      await expect(planMandate(plan)).rejects.toMatchObject({
        code: 'access_denied',
        details: { reason: 'plan_not_approved' },
      })
  })

  test('is for its zone, names its plan and digest, and lives a minute', async () => {
    const plan = await released()
    const claims = claimsOf(await planMandate(plan))
    expect(claims).toMatchObject({
      use: 'control',
      target: [make.zone],
      scope: 'applications:write',
      plan: { id: plan.id, digest: plan.digest },
    })
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(60)
  })
})

describe('mandates end', () => {
  async function talker() {
    const made = await world.admin.adminTokens.create({
      principal_name: freshName('talker'),
      principal_kind: 'person',
      zone_id: make.zone,
      capabilities: ['read', 'write'],
    })
    const opened = await make.call('conversations.create', {}, { token: made.token })
    const mandate = await mandateFor(opened.id as Id<'conversation'>)
    return { ...made, conversation: opened.id as Id<'conversation'>, mandate }
  }
  const list = (token: string) =>
    world.call('GET', `/v1/zones/${make.zone}/grants`, undefined, { token })

  test('with the admin token of whoever talks, at once', async () => {
    const { id, mandate, conversation } = await talker()
    expect((await list(mandate)).status).toBe(200)
    await world.admin.adminTokens.delete({ admin_token_id: id })
    await expectRefused(world, 'invalid_mandate', () => list(mandate))
    await expect(mandateFor(conversation)).rejects.toMatchObject({ code: 'access_denied' })
  })

  test('after five minutes', async () => {
    const { mandate } = await talker()
    world.pass(300_001)
    await expectRefused(world, 'invalid_mandate', () => list(mandate))
  })

  test('with a zone that is marked as a system zone', async () => {
    const own = await newZone(world)
    const token = await readMandate('agent', own.zone)
    const { id } = await own.conversation()
    await own.call('zones.patch', { system: true })
    await expectRefused(world, 'system_zone_refused', () =>
      world.call('GET', `/v1/zones/${own.zone}/grants`, undefined, { token }),
    )
    await expect(mandateFor(id as Id<'conversation'>)).rejects.toMatchObject({
      code: 'system_zone_refused',
    })
    for (const zone of [own.zone, 'caracal-sys'])
      await expectRefused(
        world,
        zone === 'caracal-sys' ? 'system_zone_read_only' : 'system_zone_refused',
        () => world.call('POST', `/v1/zones/${zone}/operator/conversations`, {}),
      )
  })
})

describe('other tokens are no control mandates', () => {
  test('an application’s session mandate and resource mandate', async () => {
    const app = await make.application()
    const { id: resource_id, identifier } = await make.resource()
    const grant = { application_id: app.id, resource_id, scopes: ['invoices:read'] }
    await make.call('grants.create', grant)
    const form = {
      grant_type: 'client_credentials',
      client_id: app.id,
      client_secret: app.client_secret ?? '',
    }
    for (const [more, code] of [
      [{}, 'session_mandate_refused'],
      [{ resource: identifier }, 'invalid_mandate'],
    ] as const) {
      const answer = await world.oauth('token', { ...form, ...more }, make.zone)
      expect(answer.status).toBe(200)
      const token = answer.body.access_token as string
      for (const path of ['grants', 'plans'])
        await expectRefused(world, code, () =>
          world.call('GET', `/v1/zones/${make.zone}/${path}`, undefined, { token }),
        )
    }
  })

  test('a control mandate whose claims were changed', async () => {
    const [head = '', body = '', signature = ''] = (await readMandate()).split('.')
    const claims = { ...claimsOf(`.${body}.`), scope: 'grants:write plans:approve' }
    const forged = Buffer.from(JSON.stringify(claims)).toString('base64url')
    for (const token of [`${head}.${forged}.${signature}`, `${head}.${forged}.`])
      await expectRefused(world, 'invalid_mandate', () =>
        world.call('POST', `/v1/zones/${make.zone}/plans`, { steps: [] }, { token }),
      )
  })
})

test('an automation approves and rejects nothing, whatever it holds', async () => {
  const token = await world.automation(freshName('robot'), ['read', 'write', 'approve', 'owner'])
  const plan = await propose(world, [application(freshName('agent'))], { zone: make.zone })
  const path = `/v1/zones/${make.zone}/plans/${plan.id}`
  await expectRefused(world, 'person_required', () =>
    world.call('POST', `${path}/approve`, { digest: plan.digest }, { token }),
  )
  await expectRefused(world, 'person_required', () =>
    world.call('POST', `${path}/reject`, { reason: 'no' }, { token }),
  )
})
