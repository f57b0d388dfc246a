import { useEffect, useRef, useState } from 'react'

interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor: string | null
}

/** A list that is read a page at a time. */
export interface Pages<T> {
  readonly items: readonly T[]
  readonly failure: unknown
  readonly loading: boolean
  /** Whether there is more to read. */
  readonly more: boolean
  readonly readOn: () => void
  readonly reload: () => void
}

interface State<T> {
  readonly key: string
  readonly items: readonly T[]
  readonly cursor: string | null
  readonly failure: unknown
  readonly loading: boolean
}

/** The pages of the list that a key names, from the first, which is read at once. */
export function usePages<T>(
  key: string,
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const [state, setState] = useState<State<T>>(() => begun(key))
  const latest = useRef(read)
  latest.current = read
  const reading = useRef<AbortController | null>(null)
  const fetchPage = (before: readonly T[], cursor: string | undefined): void => {
    reading.current?.abort()
    const controller = new AbortController()
    reading.current = controller
    const finish = (end: Omit<State<T>, 'key' | 'loading'>): void => {
      if (!controller.signal.aborted) setState({ key, loading: false, ...end })
    }
    setState({ key, items: before, cursor: null, failure: null, loading: true })
    latest.current(cursor, controller.signal).then(
      ({ items, next_cursor }) =>
        finish({ items: [...before, ...items], cursor: next_cursor, failure: null }),
      (failure: unknown) => finish({ items: before, cursor: cursor ?? null, failure }),
    )
  }
  useEffect(() => {
    fetchPage([], undefined)
    return () => {
      reading.current?.abort()
    }
  }, [key])
  const shown = state.key === key ? state : begun<T>(key)
  return {
    items: shown.items,
    failure: shown.failure,
    loading: shown.loading,
    more: shown.cursor !== null,
    readOn: () => {
      if (shown.cursor !== null) fetchPage(shown.items, shown.cursor)
    },
    reload: () => fetchPage([], undefined),
  }
}

function begun<T>(key: string): State<T> {
  return { key, items: [], cursor: null, failure: null, loading: true }
}
