import type { RequestOf } from '../../../tools/catalogue.ts'

/** The filters as they are typed. */
export interface FilterOptions {
  readonly type?: string
  readonly outcome?: string
  readonly actor?: string
  readonly applicationId?: string
  readonly sessionId?: string
  readonly requestId?: string
  readonly planId?: string
}

/** The filters as the API has them. */
export function filtersOf(options: FilterOptions): RequestOf<'audit.follow'> {
  const named = {
    type: options.type,
    outcome: options.outcome,
    actor: options.actor,
    application_id: options.applicationId,
    session_id: options.sessionId,
    request_id: options.requestId,
    plan_id: options.planId,
  }
  const given = Object.entries(named).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}
