import { refuse } from '../../kernel/faults.ts'
import type { CallTotals } from '../../store/model-calls.ts'

/** The most that may be used of models. */
export interface Bound {
  readonly tokens: number
  readonly calls: number
}

/** The bounds of an installation: per conversation, and per zone and altogether on one day (UTC). */
export interface Budgets {
  readonly conversation: Bound
  readonly zoneDay: Bound
  readonly day: Bound
}

export type BudgetName = keyof Budgets

/** A bound, what of it is used up, and when it is free again; null: never. */
export interface Budget {
  readonly name: BudgetName
  readonly bound: Bound
  readonly used: CallTotals
  readonly freeAt: Date | null
}

const dayMs = 86_400_000

/** The beginning of a time's day (UTC). */
export function dayOf(nowMs: number): Date {
  return new Date(nowMs - (nowMs % dayMs))
}

/** When budgets of a day are free again: at the next midnight (UTC). */
export function nextDayAfter(nowMs: number): Date {
  return new Date(dayOf(nowMs).getTime() + dayMs)
}

/** Refuses `limit_reached` where one more call, of so many tokens at the most, goes beyond a bound. */
export function refuseBeyondBudget(budget: Budget, atMostTokens: number): void {
  const { name, bound, used, freeAt } = budget
  const over =
    used.calls + 1 > bound.calls ? 'calls' : used.tokens + atMostTokens > bound.tokens && 'tokens'
  if (over === false) return
  const need = over === 'tokens' ? ` and the next call may take ${atMostTokens}` : ''
  const free =
    freeAt === null ? 'open a new conversation' : `it is free again at ${freeAt.toISOString()}`
  refuse(
    'limit_reached',
    `${subjects[name]} has used ${used[over]} of its ${bound[over]} ${over} of models${need}: ${free}.`,
    {
      details: {
        budget: name,
        unit: over,
        used: used[over],
        bound: bound[over],
        free_at: freeAt?.toISOString() ?? null,
      },
    },
  )
}

const subjects: Readonly<Record<BudgetName, string>> = {
  conversation: 'This conversation',
  zoneDay: 'This zone today',
  day: 'This installation today',
}
