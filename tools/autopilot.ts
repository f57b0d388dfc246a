import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { operation } from './operation.ts'

const person = z.object({ id: z.string(), name: z.string() })

const autopilotSwitch = z.object({
  enabled: z.boolean(),
  writes_per_plan: z.int(),
  writes_per_conversation: z.int(),
  writes_per_day: z.int(),
  written_today: z.int().meta({ description: 'Objects that autopilot has changed today (UTC)' }),
  changed_by: person.nullable(),
  changed_at: z.iso.datetime().nullable(),
})

const path = '/v1/operator/autopilot'

function budget(most: number, usual: number, description: string) {
  return z.int().min(1).max(most).default(usual).meta({ description })
}

export const autopilot = [
  operation({
    id: 'autopilot.status',
    summary: 'Say whether autopilot is on, and what it may change',
    effect: 'read',
    place: 'anywhere',
    input: z.strictObject({}),
    output: autopilotSwitch,
    route: ['GET', path, 200],
  }),
  operation({
    id: 'autopilot.on',
    summary: 'Switch autopilot on for conversations that opt in; a person with global scope alone',
    effect: 'act',
    risk: 'critical',
    capability: 'approve',
    place: 'platform',
    versioned: false,
    input: z.strictObject({
      writes_per_plan: budget(limits.autopilotWritesPerPlan, 10, 'Objects that one plan changes'),
      writes_per_conversation: budget(
        limits.autopilotWritesPerConversation,
        50,
        'Objects that the plans of one conversation change',
      ),
      writes_per_day: budget(limits.autopilotWritesPerDay, 200, 'Objects changed in a day (UTC)'),
    }),
    output: autopilotSwitch,
    route: ['POST', `${path}/on`, 200],
  }),
  operation({
    id: 'autopilot.off',
    summary: 'Stop autopilot at once, everywhere; what it has approved is not applied',
    effect: 'act',
    capability: 'approve',
    place: 'anywhere',
    versioned: false,
    input: z.strictObject({}),
    output: autopilotSwitch,
    route: ['POST', `${path}/off`, 200],
  }),
] as const
