import { type Clause, is } from './clause.ts'
import type { Draft } from './draft.ts'
import { gap } from './slots.ts'
import type { Part } from './scene.ts'

/**
 * `let A read X and let B read Y, but only until Friday`: a time that is set off at the end of a
 * sentence may hold for the requests before it too, which were given none.
 */
export function unsharedTime(clause: Clause, draft: Draft, from: number): Part | null {
  const at = clause.items.findLastIndex((item) => item.time !== null)
  const before = clause.items[at - 1]
  if (before === undefined) return null
  const apart = before.fold === ',' || is(before, 'only', 'but', 'all', 'everyone')
  const untimed = draft.steps
    .slice(0, from)
    .some(
      ({ operation, input }) =>
        operation === 'grants.create' &&
        (input as { expires_at?: string }).expires_at === undefined,
    )
  if (!apart || !untimed) return null
  return gap(
    clause,
    'Does that time hold for all of it, or for the last part alone? Please say it in two sentences?',
    '',
  )
}
