import { expect } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import type { FaultCode } from '../../src/kernel/faults.ts'
import type { Answer, World } from '../world.ts'
import { expectError } from './refused.ts'

export type Plan = OutputOf<'plans.get'>
export type Applied = OutputOf<'plans.apply'>

/** A step as a caller sends it. */
export interface PlanStep {
  readonly id: string
  readonly operation: string
  readonly zone?: string
  readonly input?: Record<string, unknown>
  readonly depends_on?: string[]
}

/** Who asks, and in which zone: the administrator in the default one where nothing is said. */
export interface As {
  readonly token?: string
  readonly zone?: string
}

/** Sends a plan without expecting anything of it. */
export function sendPlan(world: World, body: unknown, as: As = {}): Promise<Answer> {
  return world.call('POST', `/v1/zones/${as.zone ?? 'default'}/plans`, body, tokenOf(as))
}

/** Proposes steps; the plan may be blocked, but it must be accepted. */
export async function propose(
  world: World,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<Plan> {
  const answer = await sendPlan(world, { steps }, as)
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body as Plan
}

/** One of the calls on a plan: approve, reject, apply, preview. */
export function onPlan(
  world: World,
  plan: Pick<Plan, 'id' | 'zone_id'>,
  verb: 'approve' | 'reject' | 'apply' | 'preview' | 'undo' | 'rebase',
  body: Readonly<Record<string, unknown>> = {},
  as: As = {},
): Promise<Answer> {
  return world.call('POST', `${pathOf(plan, as)}/${verb}`, body, tokenOf(as))
}

export async function readPlan(world: World, plan: Pick<Plan, 'id' | 'zone_id'>): Promise<Plan> {
  const answer = await world.call('GET', pathOf(plan))
  expect(answer.status).toBe(200)
  return answer.body as Plan
}

/** Approves what the plan shows; it must be accepted. */
export async function approve(
  world: World,
  plan: Plan,
  as: As & { readonly reason?: string } = {},
): Promise<Plan> {
  const { reason } = as
  const body = { digest: plan.digest, ...(reason !== undefined && { reason }) }
  const answer = await onPlan(world, plan, 'approve', body, as)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as Plan
}

export async function approved(
  world: World,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<Plan> {
  return approve(world, await propose(world, steps, as), as)
}

export async function apply(
  world: World,
  plan: Pick<Plan, 'id' | 'zone_id'>,
  as: As = {},
): Promise<Applied> {
  const answer = await onPlan(world, plan, 'apply', {}, as)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as Applied
}

/**
 * Expects an apply to be refused with nothing written. It leaves one event of its own, and one of
 * the STS where a mandate was asked for: `mandate` says what became of that.
 */
export async function expectApplyRefused(
  world: World,
  plan: Pick<Plan, 'id' | 'zone_id'>,
  code: FaultCode,
  mandate: 'not asked for' | 'denied' | 'minted',
  as: As & { readonly digest?: string } = {},
): Promise<Answer> {
  const [before, mark] = [await world.state(), await world.eventCount()]
  const { digest } = as
  const answer = await onPlan(world, plan, 'apply', digest === undefined ? {} : { digest }, as)
  expectError(answer, code)
  expect(await world.state(), 'state after the refusal').toBe(before)
  const left = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
  const ofSts = { 'not asked for': [], denied: ['deny'], minted: ['allow'] }[mandate]
  expect(left).toEqual([
    ...ofSts.map((outcome) => `token.plan_mandate ${outcome}`),
    'plans.apply refused',
  ])
  return answer
}

/** The step that registers an application. */
export function application(name: string, id = 'app'): PlanStep {
  return { id, operation: 'applications.create', input: { name } }
}

/** An application, a resource and a grant between them, tied by references. */
export function access(name: string, scopes: readonly string[] = ['invoices:read']): PlanStep[] {
  return [
    application(`${name} agent`),
    {
      id: 'res',
      operation: 'resources.create',
      input: {
        name: `${name} invoices`,
        scopes: [...new Set(['invoices:read', 'invoices:write', ...scopes])],
      },
    },
    {
      id: 'grant',
      operation: 'grants.create',
      input: {
        application_id: '{{steps.app.output.id}}',
        resource_id: '{{steps.res.output.id}}',
        scopes,
      },
    },
  ]
}

function pathOf(plan: Pick<Plan, 'id' | 'zone_id'>, as: As = {}): string {
  return `/v1/zones/${as.zone ?? plan.zone_id}/plans/${plan.id}`
}

function tokenOf({ token }: As) {
  return token === undefined ? {} : { token }
}

/** Proposes the inverse of an applied plan; it must be accepted. */
export async function undo(world: World, plan: Pick<Plan, 'id' | 'zone_id'>): Promise<Plan> {
  const answer = await onPlan(world, plan, 'undo')
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body as Plan
}

/** Proposes, approves and applies steps, with a reason where the administrator is alone. */
export async function carryOut(
  world: World,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<Plan> {
  return carryOutPlan(world, await propose(world, steps, as), as)
}

export async function carryOutPlan(world: World, plan: Plan, as: As = {}): Promise<Plan> {
  expect(plan.state, JSON.stringify(plan.preview)).toBe('pending_approval')
  await approve(world, plan, { ...as, reason: 'a test' })
  return (await apply(world, plan, as)).plan
}
