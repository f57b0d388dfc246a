import { measureAudit } from './audit.ts'
import { measureDecisions } from './decisions.ts'
import { measureDelegation } from './delegation.ts'
import { measureExchange } from './exchange.ts'
import type { Figure } from './figure.ts'
import { measureMemory } from './memory.ts'
import type { Settings } from './settings.ts'
import { measureOperator } from './operator.ts'
import { measurePlans } from './plans.ts'
import { measureEndurance, measureScale } from './scale.ts'
import { measureVerification } from './verification.ts'
import { measureStart } from './start.ts'

/** Takes the figures of one part of the service, on an installation of its own where it needs one. */
export type Section = (settings: Settings) => Promise<readonly Figure[]>

/** The parts of the benchmark, in the order in which they run. */
export const sections = {
  exchange: measureExchange,
  scale: measureScale,
  delegation: measureDelegation,
  verification: measureVerification,
  endurance: measureEndurance,
  audit: measureAudit,
  plans: measurePlans,
  operator: measureOperator,
  decisions: measureDecisions,
  start: measureStart,
  memory: measureMemory,
} as const satisfies Readonly<Record<string, Section>>

export type SectionName = keyof typeof sections
