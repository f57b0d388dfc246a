import { useSyncExternalStore, type MouseEvent, type ReactNode } from 'react'

export type Section = 'ask' | 'plans' | 'access' | 'audit'

/** What the address says: a section of a zone, and one object in it where it names one. */
export interface Place {
  /** By slug or id; null before a zone has been chosen. */
  readonly zone: string | null
  readonly section: Section
  /** A conversation, a plan or a request, as the section has it. */
  readonly item: string | null
}

export const sections: readonly Section[] = ['ask', 'plans', 'access', 'audit']

const base = '/console'

export function pathOf({ zone, section, item }: Place): string {
  if (zone === null) return base
  const parts = [base, 'zones', encodeURIComponent(zone), section]
  return [...parts, ...(item === null ? [] : [encodeURIComponent(item)])].join('/')
}

/** The place that a path names; null for a path that names none. */
export function placeOf(path: string): Place | null {
  const [zones, zone, section = 'ask', item, ...more] = path
    .slice(base.length)
    .split('/')
    .filter((part) => part !== '')
    .map(decoded)
  if (zones === undefined) return { zone: null, section: 'ask', item: null }
  if (zones !== 'zones' || zone === undefined || more.length > 0) return null
  const known = sections.find((one) => one === section)
  return known === undefined ? null : { zone, section: known, item: item ?? null }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const moved = new EventTarget()

/** Goes to an address of the console; with `replace`, without a step in the history. */
export function goTo(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  moved.dispatchEvent(new Event('moved'))
}

function subscribe(onMove: () => void): () => void {
  moved.addEventListener('moved', onMove)
  window.addEventListener('popstate', onMove)
  return () => {
    moved.removeEventListener('moved', onMove)
    window.removeEventListener('popstate', onMove)
  }
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname)
}

/** The filters in the address, and a function that sets some of them; an empty one is left out. */
export function useFilters(): readonly [
  URLSearchParams,
  (changes: Readonly<Record<string, string>>) => void,
] {
  const search = useSyncExternalStore(subscribe, () => location.search)
  const set = (changes: Readonly<Record<string, string>>): void => {
    const next = new URLSearchParams(search)
    for (const [name, value] of Object.entries(changes))
      if (value === '') next.delete(name)
      else next.set(name, value)
    goTo(`${location.pathname}${next.size === 0 ? '' : `?${next.toString()}`}`, 'replace')
  }
  return [new URLSearchParams(search), set]
}

interface LinkProps {
  readonly to: string
  readonly children: ReactNode
  readonly className?: string
  /** Marks the link to where the person is. */
  readonly current?: boolean
}

/** A link within the console; opened in another tab or window, it is a link like any other. */
export function Link({ to, children, className, current = false }: LinkProps): ReactNode {
  const follow = (event: MouseEvent): void => {
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey
    if (event.button !== 0 || elsewhere) return
    event.preventDefault()
    goTo(to)
  }
  return (
    <a href={to} className={className} onClick={follow} aria-current={current ? 'page' : undefined}>
      {children}
    </a>
  )
}
