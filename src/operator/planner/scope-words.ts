import { scopeClassOf } from './clause.ts'
import { endingOf, type Item } from './items.ts'

/** A scope as a person says it: exactly, by its ending, or all there are. */
export interface ScopeWish {
  readonly kind: 'exact' | 'ending' | 'all'
  /** The scope, or the ending that a word means. */
  readonly value: string
  readonly said: string
  readonly start: number
  readonly end: number
}

/** Endings that a plain word may mean beside itself. */
const meanings: Readonly<Record<string, readonly string[]>> = {
  read: ['read', 'view', 'get', 'list', 'ro', 'readonly', 'fetch'],
  write: ['write', 'update', 'edit', 'modify', 'rw'],
  delete: ['delete', 'remove', 'destroy'],
  create: ['create', 'add'],
  admin: ['admin', 'manage', 'administer'],
  list: ['list'],
  approve: ['approve'],
}

const exactShape = /^[a-z0-9][\w.-]*[:/][\w.:*/-]+$/i

export function isExactScope(item: Item): boolean {
  return (item.shape === 'word' || item.shape === 'quoted') && exactShape.test(item.text)
}

/** What an item says about scopes; empty when it says nothing about them. */
export function wishesOf(item: Item): readonly ScopeWish[] {
  const at = { said: item.text, start: item.start, end: item.end }
  if (isExactScope(item)) return [{ kind: 'exact', value: item.text, ...at }]
  const word = scopeClassOf(item)
  switch (word) {
    case null:
      return []
    case 'all':
      return [{ kind: 'all', value: '*', ...at }]
    case 'read-only':
    case 'write-only':
      return [{ kind: 'ending', value: word.slice(0, -5), ...at }]
    case 'read-write':
      return ['read', 'write'].map((value) => ({ kind: 'ending', value, ...at }))
    default:
      return [{ kind: 'ending', value: word, ...at }]
  }
}

export type ScopesFound =
  | { readonly ok: true; readonly scopes: readonly string[] }
  | { readonly ok: false; readonly wish: ScopeWish; readonly among: readonly string[] }

/** The scopes of a resource that the wishes mean; the first that means none or several is told. */
export function scopesFor(wishes: readonly ScopeWish[], scopes: readonly string[]): ScopesFound {
  const found: string[] = []
  for (const wish of wishes) {
    const matches = matching(wish, scopes)
    if (wish.kind !== 'all' && matches.length !== 1) return { ok: false, wish, among: matches }
    found.push(...matches)
  }
  return { ok: true, scopes: scopes.filter((scope) => found.includes(scope)) }
}

function matching(wish: ScopeWish, scopes: readonly string[]): readonly string[] {
  if (wish.kind === 'all') return scopes
  const value = wish.value.toLowerCase()
  if (wish.kind === 'exact') {
    const exact = scopes.filter((scope) => scope === wish.value)
    return exact.length > 0 ? exact : scopes.filter((scope) => scope.toLowerCase() === value)
  }
  const said = scopes.filter((scope) => endingOf(scope).toLowerCase() === value)
  if (said.length > 0) return said
  const synonyms = meanings[value] ?? []
  return scopes.filter((scope) => synonyms.includes(endingOf(scope).toLowerCase()))
}
