import { foldText } from './tokens.ts'

import Fuse from 'fuse.js'

export type Kind = 'application' | 'resource' | 'provider' | 'policy' | 'policySet' | 'zone'

/** An object that words can mean: one of the zone, or one that the same plan would create. */
export interface Entity {
  readonly kind: Kind
  /** An id, or `{{steps.<id>.output.id}}` for an object of the plan. */
  readonly id: string
  readonly name: string
  /** True for an object that an earlier step of the plan would create. */
  readonly planned: boolean
}

/** Names compared loosely: case, hyphens, underscores, dots and spaces make no difference. */
export function looseName(name: string): string {
  return foldText(name)
    .replace(/[\s_./:-]+/gu, ' ')
    .trim()
}

/** Names by loose form, for finding them in a message. */
export type NameIndex = ReadonlyMap<string, readonly Entity[]>

export function indexNames(entities: readonly Entity[]): NameIndex {
  const index = new Map<string, Entity[]>()
  for (const entity of entities) {
    const key = looseName(entity.name)
    if (key === '') continue
    index.set(key, [...(index.get(key) ?? []), entity])
  }
  return index
}

/** A singular for a plural and the reverse, so that `invoice` finds `Invoices`. */
export function numberForms(loose: string): readonly string[] {
  if (loose.length < 4) return []
  if (loose.endsWith('ies')) return [`${loose.slice(0, -3)}y`]
  if (loose.endsWith('s')) return [loose.slice(0, -1)]
  return loose.endsWith('y') ? [`${loose.slice(0, -1)}ies`, `${loose}s`] : [`${loose}s`]
}

export type Resolution =
  | { readonly kind: 'found'; readonly entity: Entity; readonly corrected: boolean }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Entity[] }
  | { readonly kind: 'unknown'; readonly suggestions: readonly Entity[] }

/**
 * What a name that is in no list may stand for. One close name is a spelling mistake, which the
 * answer mentions; several, or only similar ones, are asked back.
 */
export function resolveName(text: string, among: readonly Entity[]): Resolution {
  const loose = looseName(text)
  const exact = among.filter((entity) => looseName(entity.name) === loose)
  const [only] = exact
  if (exact.length === 1 && only !== undefined)
    return { kind: 'found', entity: only, corrected: false }
  if (exact.length > 1) return { kind: 'ambiguous', candidates: exact }
  const close = among
    .map((entity) => ({ entity, distance: nearness(loose, looseName(entity.name)) }))
    .filter(({ distance }) => distance !== null)
    .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0))
  const [best] = close
  if (close.length === 1 && best !== undefined)
    return { kind: 'found', entity: best.entity, corrected: true }
  if (close.length > 1)
    return { kind: 'ambiguous', candidates: close.map(({ entity }) => entity).slice(0, 6) }
  return { kind: 'unknown', suggestions: similar(loose, among) }
}

/** Edits between two names where they are few for the length; digits must agree. */
function nearness(a: string, b: string): number | null {
  if (a.replace(/\D+/g, ' ').trim() !== b.replace(/\D+/g, ' ').trim()) return null
  const allowed = Math.min(a.length, b.length) >= 8 ? 2 : Math.min(a.length, b.length) >= 4 ? 1 : 0
  if (numberForms(a).includes(b) || numberForms(b).includes(a)) return 0.5
  if (Math.abs(a.length - b.length) > allowed) return null
  const distance = editDistance(a, b)
  return distance <= allowed ? distance : null
}

/** Edits with neighbours swapped counting once (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const least = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(swapped ? Math.min(least, (before[j - 2] ?? 0) + 1) : least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

/** Names that share a word with the text, then names that merely look alike. */
function similar(loose: string, among: readonly Entity[]): readonly Entity[] {
  const words = new Set(loose.split(' ').filter((word) => word.length > 2))
  const sharing = among.filter((entity) =>
    looseName(entity.name)
      .split(' ')
      .some((word) => words.has(word)),
  )
  if (sharing.length > 0) return sharing.slice(0, 6)
  const fuse = new Fuse([...among], { keys: ['name'], threshold: 0.4, ignoreLocation: true })
  return fuse.search(loose.slice(0, 64), { limit: 4 }).map((match) => match.item)
}
