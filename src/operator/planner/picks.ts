import { type Entity, looseName, resolveName } from './entities.ts'
import { kindNames, nameInRequest } from './texts.ts'

const ordinals: readonly RegExp[] = [
  /^(?:the )?(?:first|1st|former)(?: one)?$|^1$/i,
  /^(?:the )?(?:second|2nd|latter)(?: one)?$|^2$/i,
  /^(?:the )?(?:third|3rd)(?: one)?$|^3$/i,
  /^(?:the )?(?:fourth|4th)(?: one)?$|^4$/i,
]

/** The candidate that an answer picks, by place or by name. */
export function picked(answer: string, candidates: readonly Entity[]): Entity | null {
  const place = ordinals.findIndex((shape) => shape.test(answer))
  if (place !== -1) return candidates[place] ?? null
  if (/^(?:the )?last(?: one)?$/i.test(answer)) return candidates.at(-1) ?? null
  const kind = /^(?:the )?(application|app|resource|provider|policy set|policy|zone)$/i.exec(
    answer,
  )?.[1]
  const ofKind = candidates.filter(
    (entity) => kind !== undefined && kindNames[entity.kind].startsWith(kind.toLowerCase()),
  )
  if (ofKind.length === 1) return ofKind[0] ?? null
  const byId = candidates.find(({ id }) => id === answer)
  if (byId !== undefined) return byId
  const name = answer
    .replace(/^(?:the|for|on|to|from|i mean|it is|its)\s+/i, '')
    .replace(/^["'“]|["'”]$/gu, '')
    .replace(/\s+(?:application|app|resource|one|please)$/i, '')
  const found = resolveName(name, candidates)
  return found.kind === 'found' ? found.entity : sharing(name, candidates)
}

/** `the west one`: the only candidate with that word in its name. */
function sharing(said: string, candidates: readonly Entity[]): Entity | null {
  const word = looseName(said)
  const fitting = candidates.filter(({ name }) => looseName(name).split(' ').includes(word))
  return fitting.length === 1 ? (fitting[0] ?? null) : null
}

const whole = /^(?:both|both of them|all|all of them|all three|each of them)(?: please)?$/i

/** `both`: every candidate, where few enough were named to be meant. */
export function pickedAll(answer: string, candidates: readonly Entity[]): string | null {
  if (!whole.test(answer) || candidates.length < 2 || candidates.length > 3) return null
  if (/both/i.test(answer) && candidates.length !== 2) return null
  return candidates.map((entity) => sayName(entity, candidates)).join(' and ')
}

/** A name where it is enough; the id where others are called the same. */
export function sayName(entity: Entity, among: readonly Entity[]): string {
  const same = among.filter(({ name }) => name.toLowerCase() === entity.name.toLowerCase())
  return (same.length === 1 ? nameInRequest(entity.name) : null) ?? entity.id
}
