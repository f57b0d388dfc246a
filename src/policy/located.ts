/**
 * A constant with the places it was written at, whatever language it was written in. Every document
 * language is parsed to this form, so that limits, keys and errors are treated once.
 */
export type Located = LocatedScalar | LocatedList | LocatedMap

export interface Place {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units. */
  readonly column: number
}

export interface LocatedScalar {
  readonly kind: 'scalar'
  readonly place: Place
  readonly value: string | number | boolean | null
}

export interface LocatedList {
  readonly kind: 'list'
  readonly place: Place
  readonly items: readonly Located[]
}

export interface LocatedMap {
  readonly kind: 'map'
  readonly place: Place
  readonly entries: readonly LocatedEntry[]
}

export interface LocatedEntry {
  readonly key: string
  readonly place: Place
  readonly value: Located
}

/** One thing that is wrong with a document, for a person to find and mend. */
export interface DocumentIssue extends Place {
  /** Keys and indexes joined by dots, `''` for the document itself. */
  readonly path: string
  readonly message: string
}

/** What a parser throws at the first thing it cannot read; `parseDocument` makes a fault of it. */
export class DocumentError extends Error {
  readonly place: Place

  constructor(place: Place, message: string) {
    super(message)
    this.name = 'DocumentError'
    this.place = place
  }
}

/** Keys that would reach an object's prototype in code that forgets to ask for own properties. */
const prototypeKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** A map of the entries; a {@link DocumentError} names a key that is repeated or reserved. */
export function locatedMap(place: Place, entries: readonly LocatedEntry[]): LocatedMap {
  const seen = new Set<string>()
  for (const { key, place: keyPlace } of entries) {
    if (prototypeKeys.has(key)) throw new DocumentError(keyPlace, `the key "${key}" is reserved`)
    if (seen.has(key)) throw new DocumentError(keyPlace, `the key "${key}" is written twice`)
    seen.add(key)
  }
  return { kind: 'map', place, entries }
}

/** The plain JSON value, without places. */
export function plainValue(node: Located): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plainValue)
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainValue(value)]))
  }
}

/** Where the value at a path begins, or the nearest thing that encloses it. */
export function placeOf(root: Located, path: readonly PropertyKey[]): Place {
  let node = root
  for (const step of path) {
    const next = childOf(node, step)
    if (next === undefined) break
    node = next
  }
  return node.place
}

function childOf(node: Located, step: PropertyKey): Located | undefined {
  if (node.kind === 'list') return typeof step === 'number' ? node.items[step] : undefined
  if (node.kind === 'map') return node.entries.find(({ key }) => key === step)?.value
  return undefined
}
