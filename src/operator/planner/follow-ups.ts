import { emptyDraft } from './draft.ts'
import { durationAt } from './durations.ts'
import { type Entity, resolveName } from './entities.ts'
import type { Reading } from './interpret.ts'
import type { Item } from './items.ts'
import { sayName } from './picks.ts'
import { entitiesOf, type Objects } from './scene.ts'
import { nameInRequest } from './texts.ts'

const same =
  /^(?:and )?(?:please )?(?:do )?(?:(?:the )?same(?: thing)?|ditto|likewise) (?:for|with|to)\s+(.+?)(?:,? please)?$/i

/** `the same for support-bot`: the message before, about another object. */
export function sameFor(answer: string, before: Reading, objects: Objects): string | null {
  return about(same.exec(answer)?.[1], before, objects)
}

const also = /^(?:and|and for|and on|what about|how about|and what about)\s+(.+?)$/i

/** `and invoices?` after a question: the question before, about another object. */
export function whatAbout(answer: string, before: Reading, objects: Objects): string | null {
  const answered = before.answers.length > 0 && before.draft.steps.length === 0
  return answered ? about(also.exec(answer)?.[1], before, objects) : null
}

function about(name: string | undefined, before: Reading, objects: Objects): string | null {
  if (name === undefined) return null
  const found = resolveName(name.replace(/^["'“]|["'”]$/gu, ''), entitiesOf(objects, emptyDraft()))
  if (found.kind !== 'found') return null
  const only = onlyItem(before, (entity) => entity.kind === found.entity.kind)
  if (only === null) return null
  return withItem(before, only, nameInRequest(found.entity.name) ?? found.entity.id)
}

function onlyItem(before: Reading, fits: (entity: Entity) => boolean): Item | null {
  const targets = before.items.filter((item) => !item.weak && item.entities.some(fits))
  return targets.length === 1 ? (targets[0] ?? null) : null
}

function withItem(before: Reading, item: Item, said: string): string {
  return before.message.slice(0, item.start) + said + before.message.slice(item.end)
}

const other = /^(?:(?:no|nope|sorry|wait|oops)[,:]?\s+)*(?:(?:i|we) meant?\s+)?the other(?: one)?$/i

/** `no, the other one`, after one of two was picked. */
export function theOther(answer: string, before: Reading): string | null {
  const among = before.choice
  if (!other.test(answer) || among === null || among.length !== 2) return null
  const picked = onlyItem(before, ({ id }) => among.some((entity) => entity.id === id))
  if (picked === null) return null
  const left = among.filter(({ id }) => !picked.entities.some((entity) => entity.id === id))
  const [only] = left
  return left.length === 1 && only !== undefined
    ? withItem(before, picked, sayName(only, among))
    : null
}

const contrast =
  /^not\s+(?:for\s+|on\s+|to\s+)?(.{1,80}?)(?:\s*,\s*(?:but\s+)?|\s+but\s+)(.{1,80})$/i

/** `not metrics, orders`: what to say instead of something that was said before. */
export function insteadOf(answer: string, before: Reading): string | null {
  const [, wrong, right] = contrast.exec(answer) ?? []
  if (wrong === undefined || right === undefined) return null
  return before.message.toLowerCase().includes(wrong.toLowerCase()) ? right : null
}

/** `make that two days`: another length where the request before had a time. */
export function lengthened(before: Reading, fragment: string): string | null {
  const length = durationAt(fragment, 0)
  if (length?.end !== fragment.length) return null
  const times = before.items.filter((item) => item.time !== null)
  const [only] = times
  return times.length === 1 && only !== undefined ? withItem(before, only, `for ${fragment}`) : null
}
