import { expect } from 'vitest'
import { decideOn } from '../../src/operator/autopilot/decide.ts'
import type { ScriptedModel } from './scripted-model.ts'
import { converse, say, type Conversation, type Message } from './conversations.ts'
import { readPlan, type As, type Plan, type PlanStep } from './plans.ts'
import type { ZoneMaker } from './zone-maker.ts'
import type { Answer, World } from '../world.ts'

/** Switches autopilot on as the administrator, with budgets of the test's own. */
export async function switchOn(
  world: World,
  budgets: Readonly<Record<string, number>> = {},
): Promise<void> {
  const answer = await world.call('POST', '/v1/operator/autopilot/on', budgets)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
}

export function switchOff(world: World, token?: string): Promise<Answer> {
  return world.call('POST', '/v1/operator/autopilot/off', {}, token === undefined ? {} : { token })
}

/** One of the calls that opt a conversation in or out. */
export function opt(
  world: World,
  { id, zone_id }: Pick<Conversation, 'id' | 'zone_id'>,
  way: 'on' | 'off',
  as: As = {},
): Promise<Answer> {
  const path = `/v1/zones/${zone_id}/operator/conversations/${id}/autopilot/${way}`
  return world.call('POST', path, {}, as.token === undefined ? {} : { token: as.token })
}

/** A conversation whose person has opted in. */
export async function autopiloted(world: World, as: As = {}): Promise<Conversation> {
  const conversation = await converse(world, as)
  const answer = await opt(world, conversation, 'on', as)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as Conversation
}

/** Has the model propose steps in a conversation; the plan as it is after the turn. */
export async function proposeIn(
  world: World,
  model: ScriptedModel,
  conversation: Conversation,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<{ readonly plan: Plan; readonly reply: Message }> {
  model.follow(async (turn) => {
    await turn.call('plan_propose', { steps })
    return 'Proposed.'
  })
  const { reply } = await say(world, conversation, 'do it', {}, as)
  const [id] = reply.plan_ids
  if (id === undefined) throw new Error('no plan was made')
  return { plan: await readPlan(world, { id, zone_id: conversation.zone_id }), reply }
}

/** The step that autopilot may carry out: it takes a grant away. */
export async function revocation(make: ZoneMaker, id = 'end'): Promise<PlanStep> {
  const grant = await make.grant()
  return { id, operation: 'grants.delete', input: { grant_id: grant.id } }
}

/** A model that proposes the steps that the person's message is, as JSON. */
export function obedient(model: ScriptedModel): void {
  model.follow(async (turn) => {
    const steps = JSON.parse(turn.history.at(-1)?.text ?? '[]') as PlanStep[]
    await turn.call('plan_propose', { steps })
    return 'Proposed.'
  })
}

/** Says steps to an {@link obedient} model; the plan as it is after the turn. */
export async function order(
  world: World,
  conversation: Conversation,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<Plan> {
  const { reply } = await say(world, conversation, JSON.stringify(steps), {}, as)
  const [id] = reply.plan_ids
  if (id === undefined) throw new Error(`no plan was made: ${reply.text}`)
  return readPlan(world, { id, zone_id: conversation.zone_id })
}

/** Leaves a plan approved by autopilot and not applied, as where the process ends in between. */
export async function approvedOnly(
  world: World,
  conversation: Conversation,
  steps: readonly PlanStep[],
  as: As = {},
): Promise<Plan> {
  const { context } = world.service
  const { carryOut } = context.turns
  const stopped: typeof carryOut = async (asked) => {
    await decideOn(context, asked)
    return null
  }
  Object.assign(context.turns, { carryOut: stopped })
  try {
    return await order(world, conversation, steps, as)
  } finally {
    Object.assign(context.turns, { carryOut })
  }
}
