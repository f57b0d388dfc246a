import { idKindOf, idPrefix } from '../../kernel/ids.ts'
import type { Citation } from '../../store/schema-operator.ts'

/** What an answer may cite: everything that the tools of its turn have returned. */
export interface Sources {
  /** Notes what a tool returned. */
  note(value: unknown): void
  /**
   * What a text rests on: what it names by id or by name, in the order of the text, and the events
   * that were looked up where there are few and it names none. Ids in it that no tool returned are
   * no citations.
   */
  citedBy(text: string): {
    readonly citations: readonly Citation[]
    readonly unverifiedIds: readonly string[]
  }
}

/** Bounds of one turn and of one answer. */
const notedMax = 20_000
const citationsMax = 50
const unverifiedMax = 20
const eventsUnnamedMax = 10
/** Shorter names are words of any sentence. */
const nameCharsMin = 3

/** What looks like an id of ours, whether it is well made or made up. */
const idLike = new RegExp(
  `\\b(?:${Object.values(idPrefix).join('|')})_[0-9][0-9a-z]{5,40}\\b`,
  'gi',
)

/** `known` are ids that the platform itself has told the model. */
export function sourcesOf(known: readonly string[]): Sources {
  const noted = new Map<string, Citation>()
  return {
    note(value) {
      collect(value, noted)
    },
    citedBy(text) {
      const named = placesIn(text, noted)
      const events = [...noted.values()].filter(({ kind }) => kind === 'event')
      const rests =
        events.length <= eventsUnnamedMax && ![...named.keys()].some(isEvent) ? events : []
      const cited = [...named].toSorted(([, a], [, b]) => a - b).map(([one]) => one)
      const told = new Set([...known, ...noted.keys()])
      const unverified = [...text.matchAll(idLike)].map(([id]) => id).filter((id) => !told.has(id))
      return {
        citations: [...cited, ...rests].slice(0, citationsMax),
        unverifiedIds: [...new Set(unverified)].slice(0, unverifiedMax),
      }
    },
  }
}

function isEvent({ kind }: Citation): boolean {
  return kind === 'event'
}

/** Fields whose text people choose: an id in it is theirs, and no tool's. */
const freeText: ReadonlySet<string> = new Set([
  ...['name', 'description', 'title', 'text', 'intent', 'summary', 'reason', 'message'],
  ...['labels', 'source', 'document'],
])

/** Every id in a value, also as `grant:grt_...`, with the name that stands beside it if one does. */
function collect(value: unknown, noted: Map<string, Citation>): void {
  if (noted.size >= notedMax) return
  if (typeof value === 'string') {
    const id = value.slice(value.indexOf(':') + 1)
    const kind = idKindOf(id)
    if (kind !== null && !noted.has(id)) noted.set(id, { kind, id, name: null })
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) {
    const { id, name, type } = value as { id?: unknown; name?: unknown; type?: unknown }
    const kind = typeof id === 'string' ? idKindOf(id) : null
    const called = kind === 'event' ? type : name
    if (kind !== null && typeof called === 'string')
      noted.set(id as string, { kind, id: id as string, name: called })
  }
  for (const [key, inner] of Object.entries(value)) if (!freeText.has(key)) collect(inner, noted)
}

/** Where a text names what was noted; a name inside of a longer one that was noted is not named. */
function placesIn(text: string, noted: ReadonlyMap<string, Citation>): Map<Citation, number> {
  const places = new Map<Citation, number>()
  for (const match of text.matchAll(idLike)) {
    const citation = noted.get(match[0])
    if (citation !== undefined && !places.has(citation)) places.set(citation, match.index)
  }
  const byName = Map.groupBy(
    [...noted.values()].filter(({ kind, name }) => kind !== 'event' && name !== null),
    ({ name }) => name ?? '',
  )
  const taken = new Uint8Array(text.length)
  for (const [name, all] of [...byName].toSorted(([a], [b]) => b.length - a.length)) {
    const place = name.length < nameCharsMin ? -1 : placeOf(text, name, taken)
    if (place >= 0)
      for (const one of all) places.set(one, Math.min(place, places.get(one) ?? place))
  }
  return places
}

/** The first place of a name as a word of its own, all of whose places are taken from now on. */
function placeOf(text: string, name: string, taken: Uint8Array): number {
  let first = -1
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    const end = at + name.length
    const whole = !inWord.test(text.charAt(at - 1)) && !inWord.test(text.charAt(end))
    if (!whole || taken[at] === 1) continue
    taken.fill(1, at, end)
    if (first < 0) first = at
  }
  return first
}

const inWord = /[\p{L}\p{N}_-]/u
