import type { RequestOf } from '../../../tools/catalogue.ts'
import type { FilterOptions } from './commands.ts'

/** The filters as the API has them. */
export function filtersOf(options: FilterOptions): RequestOf<'audit.follow'> {
  const named = {
    type: options.type,
    outcome: options.outcome,
    actor: options.actor,
    application_id: options.application,
    session_id: options.session,
    request_id: options.request,
    plan_id: options.plan,
  }
  const given = Object.entries(named).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}
