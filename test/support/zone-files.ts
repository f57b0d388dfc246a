import { expect } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import type { Answer, World } from '../world.ts'
import { carryOutPlan, type As, type Plan } from './plans.ts'

export type ZoneFile = OutputOf<'zones.export'>

export async function exportZone(world: World, zone: string): Promise<ZoneFile> {
  const answer = await world.call('GET', `/v1/zones/${zone}/export`)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as ZoneFile
}

export function sendFile(world: World, zone: string, file: unknown, as: As = {}): Promise<Answer> {
  const { token } = as
  const options = token === undefined ? {} : { token }
  return world.call('POST', `/v1/zones/${zone}/plans/import`, { file }, options)
}

/** The plan that a file asks for; null where there is nothing to change. */
export async function importFile(world: World, zone: string, file: unknown): Promise<Plan | null> {
  const answer = await sendFile(world, zone, file)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return (answer.body as { plan: Plan | null }).plan
}

/** Brings a zone to what a file declares. */
export async function bringTo(world: World, zone: string, file: unknown): Promise<Plan | null> {
  const plan = await importFile(world, zone, file)
  return plan === null ? null : carryOutPlan(world, plan, { zone })
}
