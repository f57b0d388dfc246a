import { type Clause, does, has, isNegated, named, take } from './clause.ts'
import { type Intent, isVague, names, saysOnlyAccess } from './intent-features.ts'
import type { Part } from './scene.ts'
import { takeAccess } from './take-access.ts'
import { questions } from './texts.ts'

/** Words that end something of an object without saying what: they are asked about. */
export const unclearEndings: readonly Intent[] = [
  {
    id: 'kill',
    fits: (c) => does(c, 'kill') && !isNegated(c) && names(c, 'application'),
    build: (scene, clause) =>
      saysOnlyAccess(clause)
        ? takeAccess(scene, clause)
        : Promise.resolve(askRevokeOrDelete(clause)),
  },
  {
    id: 'vague',
    fits: isVague,
    build: (_scene, clause) => Promise.resolve(askRevokeOrDelete(clause)),
  },
]

/** `suspend billing-agent`, `disable support-bot`: no operation does that. */
export const suspension: Intent = {
  id: 'suspend',
  fits: (c) => does(c, 'off', 'freeze') && names(c, 'application'),
  build: (_scene, clause) => Promise.resolve(askRevokeOrDelete(clause)),
}

/** `let support-bot read orders with approval`: access, and a policy about it. */
export const giveWithApproval: Intent = {
  id: 'give-with-approval',
  fits: (c) =>
    does(c, 'give') &&
    has(c, 'noun:approval') &&
    !has(c, 'verb:require') &&
    names(c, 'application') &&
    c.items.some((item) => item.fold === 'with' || item.fold === 'after'),
  build: (_scene, clause) => {
    take(clause, ...clause.items)
    return Promise.resolve([{ kind: 'question', text: questions.giveAndApprove }])
  },
}

function askRevokeOrDelete(clause: Clause): readonly Part[] {
  const who = named(clause, 'application').map(({ entity }) => entity.name)
  take(clause, ...clause.items)
  const text = who.length > 0 ? questions.cannotSuspend(who.join(', ')) : questions.whoseAccess
  return [{ kind: 'question', text }]
}
