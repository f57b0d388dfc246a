import type { ControlPrincipal, Principal } from '../../gate/principal.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Fault } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import type { Database, Queries } from '../../store/database.ts'
import type { CarriedOut } from '../autopilot/carry-out.ts'
import type { Asked } from '../autopilot/decide.ts'
import type { Model, TurnEvent } from '../model/model.ts'
import type { Budgets } from './budget.ts'
import type { MessageView } from './conversations.ts'
import type { PromptFacts } from './prompt.ts'
import type { OpenToolSession } from './tool-session.ts'

/** What a turn needs of the service. */
export interface TurnContext {
  readonly db: Database
  readonly clock: Clock
  readonly model: Model
  readonly timeZone: string
  readonly openTools: OpenToolSession
  readonly budgets: Budgets
  readonly log: {
    error(detail: object, message: string): void
    warn(detail: object, message: string): void
  }
  systemPrompt(facts: PromptFacts): string
  /** What autopilot does with a plan that the turn has made; null where it was not asked. */
  readonly carryOut: (asked: Asked) => Promise<CarriedOut | null>
  /** Has a plan of the turn reviewed, which may raise its risk; null: nobody reviews. */
  readonly review: ((asked: Asked, signal: AbortSignal) => Promise<CarriedOut | null>) | null
  /** The STS's mandate to read for one conversation, and to propose in agent mode. */
  readMandate(
    conversationId: string,
    requestId: string,
    traceId?: string,
  ): Promise<ControlPrincipal>
}

/** A message that is to be answered, with the run that it has. */
export interface TurnRequest {
  readonly zone: ZoneId
  readonly principal: Principal
  readonly message: MessageView
  readonly requestId: string
  readonly traceId: string | undefined
  /** A failure that is the answer, without anybody being asked. */
  readonly refusal: Fault | null
  /** The requests of earlier attempts, which broke off. */
  readonly earlierRequests: readonly string[]
  readonly signal: AbortSignal
  readonly emit: (event: TurnEvent) => void
  /** Resolves when what was said is kept; throws where the run was stopped or is in other hands. */
  readonly confirm: () => Promise<void>
  /** Ends the run in the transaction that keeps the reply; null where it is in other hands. */
  readonly end: (queries: Queries) => Promise<{ readonly cancelled: boolean } | null>
}
