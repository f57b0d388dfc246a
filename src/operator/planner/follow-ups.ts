import { is, isSilent } from './clause.ts'
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

const more =
  /^(?:and|also|plus|and also)(?: for| on| to)?\s+(.{1,80}?)(?: too| as well| also)?(?:,? please)?$/i
const too = /^(.{1,80}?) (?:too|as well|also)(?:,? please)?$/i

/** `the same for support-bot`, `and support-bot too`: the message before, about another object. */
export function sameFor(answer: string, before: Reading, objects: Objects): string | null {
  const name = same.exec(answer)?.[1] ?? more.exec(answer)?.[1] ?? too.exec(answer)?.[1]
  return about(name, before, objects)
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
  if (!other.test(answer) || among?.length !== 2) return null
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

const preferred = /^(.{1,80}?),?\s+(?:and\s+)?(?:not|instead of|rather than)\s+(.{1,80})$/i

/** `not metrics, orders`, `orders, not metrics`: what to say instead of something that was said before. */
export function insteadOf(answer: string, before: Reading): string | null {
  const plain = answer.replace(/^(?:(?:no|nope|sorry|wait|oops|hmm)[,:]?\s+)+/i, '')
  const [, first, second] = preferred.exec(plain) ?? []
  const [, wrong = second, right = first] = contrast.exec(plain) ?? []
  if (wrong === undefined || right === undefined) return null
  return before.message.toLowerCase().includes(wrong.toLowerCase()) ? right : null
}

/** `until Friday, please` after a request for access without a time: the request, with it. */
export function timedNow(before: Reading, items: readonly Item[]): string | null {
  const content = items.filter((item) => !isSilent(item) && !is(item, 'only', 'but'))
  const grants = before.draft.steps.every(({ operation }) => operation === 'grants.create')
  const [only] = content
  if (items.some((item) => item.fold === 'or')) return null
  if (content.length !== 1 || only?.time?.kind !== 'point' || only.time.role !== 'until')
    return null
  if (!grants || before.draft.steps.length === 0) return null
  if (before.items.some((item) => item.time !== null)) return null
  return `${before.message.replace(/[.!\s]+$/u, '')} ${only.text}`
}

/** `make that two days`: another length where the request before had a time. */
export function lengthened(before: Reading, fragment: string): string | null {
  const length = durationAt(fragment, 0)
  if (length?.end !== fragment.length) return null
  const times = before.items.filter((item) => item.time !== null)
  const [only] = times
  const grants = before.draft.steps.every(({ operation }) => operation === 'grants.create')
  if (times.length === 0 && before.draft.steps.length > 0 && grants)
    return `${before.message.replace(/[.!\s]+$/u, '')} for ${fragment}`
  return times.length === 1 && only !== undefined ? withItem(before, only, `for ${fragment}`) : null
}
